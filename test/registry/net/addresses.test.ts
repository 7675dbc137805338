import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type AddressClass, classifyAddress } from '../../../src/registry/net/addresses.ts';

describe('classifyAddress', () => {
  const table: Readonly<Record<AddressClass, readonly string[]>> = {
    public: [
      '1.1.1.1',
      '52.168.112.66',
      '172.15.0.1',
      '172.32.0.1',
      '168.63.129.15',
      '2606:4700::6810:84e5',
      '64:ff9b::808:808',
    ],
    private: [
      '10.0.0.1',
      '172.16.0.1',
      '172.31.255.255',
      '192.168.0.1',
      'fc00::1',
      'fd12::1',
      '::ffff:10.0.0.1',
      '64:ff9b::a00:1',
    ],
    local: [
      '127.0.0.1',
      '127.255.255.254',
      '169.254.1.2',
      '100.64.0.1',
      '100.127.255.255',
      '::1',
      'fe80::1',
      'fe80::1%eth0',
      '::ffff:127.0.0.1',
    ],
    forbidden: [
      ...[
        '169.254.169.254',
        '169.254.170.2',
        '168.63.129.16',
        '100.100.100.200',
        'fd00:ec2::254',
        'fd20:ce::254',
      ],
      ...[
        '0.0.0.0',
        '224.0.0.1',
        '255.255.255.255',
        '240.0.0.1',
        '192.0.2.1',
        '198.18.0.1',
        '::',
        'ff02::1',
        '2001:db8::1',
      ],
      ...[
        '2002:7f00:1::',
        '2001::1',
        'fec0::1',
        '::7f00:1',
        '64:ff9b::a9fe:a9fe',
        '::ffff:168.63.129.16',
        '64:ff9b:1::1',
      ],
      ...['', 'localhost', '1.2.3', '127.0.0.1:80', 'x'],
    ],
  };
  for (const [kind, addresses] of Object.entries(table)) {
    for (const address of addresses) {
      it(`${address === '' ? 'nothing' : address} is ${kind}`, () =>
        assert.equal(classifyAddress(address), kind));
    }
  }
  it('says the same of an IPv4 address however IPv6 carries it', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const kind = classifyAddress(address);
        assert.equal(classifyAddress(`::ffff:${address}`), kind);
        assert.equal(classifyAddress(`64:ff9b::${address}`), kind);
      }),
    );
  });
});
