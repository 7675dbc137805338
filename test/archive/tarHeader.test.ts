import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { padded, TAR_BLOCK, tarHeader } from '../../src/archive/tarHeader.ts';

/** A header as text: what stands at which offset, without the zeros. */
function fields(header: Uint8Array): Record<string, string> {
  const text = (start: number, length: number): string =>
    Buffer.from(header.subarray(start, start + length))
      .toString('latin1')
      .replaceAll('\0', '·')
      .replace(/·+$/, '·');
  return {
    name: text(0, 100),
    mode: text(100, 8),
    uid: text(108, 8),
    gid: text(116, 8),
    size: text(124, 12),
    mtime: text(136, 12),
    checksum: text(148, 8),
    type: text(156, 1),
    link: text(157, 100),
    magic: text(257, 8),
    rest: text(265, 247),
  };
}

describe('a tar header', () => {
  it('is the one that POSIX describes, of a file', () => {
    assert.deepEqual(fields(tarHeader('oci-layout', 30, 'file')), {
      name: 'oci-layout·',
      mode: '0000644·',
      uid: '0000000·',
      gid: '0000000·',
      size: '00000000036·',
      mtime: '00000000000·',
      checksum: '007754· ',
      type: '0',
      link: '·',
      magic: 'ustar·00',
      rest: '·',
    });
  });

  it('is of type 5 and mode 0755, of a directory', () => {
    const { name, mode, size, type, checksum } = fields(tarHeader('blobs/sha256/', 0, 'directory'));
    assert.deepEqual(
      { name, mode, size, type, checksum },
      { name: 'blobs/sha256/·', mode: '0000755·', size: '00000000000·', type: '5', checksum: '010056· ' },
    );
  });

  it('has the largest octal size just below 8 GiB, and base-256 from there on', () => {
    const size = (bytes: number): string =>
      Buffer.from(tarHeader('x', bytes, 'file').subarray(124, 136)).toString('hex');
    assert.equal(size(8 * 1024 ** 3 - 1), Buffer.from('77777777777\0').toString('hex'));
    assert.equal(size(8 * 1024 ** 3), '80000000' + '0000000200000000');
    assert.equal(size(190 * 1024 ** 3 + 7), '80000000' + '0000002f80000007');
  });

  it('is one block for a path of 100 bytes, and three with a pax record for a longer one', () => {
    assert.equal(tarHeader('x'.repeat(100), 1, 'file').length, TAR_BLOCK);
    const long = tarHeader(`blobs/sha512/${'a'.repeat(128)}`, 1, 'file');
    assert.equal(long.length, 3 * TAR_BLOCK);
    assert.equal(fields(long).type, 'x');
    const record = Buffer.from(long.subarray(TAR_BLOCK, 2 * TAR_BLOCK)).toString('latin1');
    assert.equal(record.replace(/\0+$/, ''), `151 path=blobs/sha512/${'a'.repeat(128)}\n`);
    assert.equal(fields(long).size, '00000000227·');
  });

  it('has a checksum that is the sum of its bytes, and a pax length that counts itself', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9/]{1,400}$/), fc.maxSafeNat(), (path, size) => {
        const header = tarHeader(path, size, 'file');
        for (let at = 0; at < header.length; at += path.length <= 100 ? 512 : 1024) {
          const block = Buffer.from(header.subarray(at, at + 512));
          const said = Number.parseInt(block.toString('latin1', 148, 154), 8);
          block.fill(' ', 148, 156);
          assert.equal(
            block.reduce((total, byte) => total + byte, 0),
            said,
          );
        }
        if (path.length <= 100) return;
        const record = Buffer.from(header.subarray(512)).toString('latin1').split('\n')[0] ?? '';
        assert.equal(record.length + 1, Number.parseInt(record, 10));
      }),
    );
  });
});

it('padding fills up to whole blocks', () => {
  assert.deepEqual([0, 1, 511, 512, 513, 8 * 1024 ** 3 + 1].map(padded), [
    0,
    512,
    512,
    512,
    1024,
    8 * 1024 ** 3 + 512,
  ]);
});
