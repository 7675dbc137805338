import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parseHosts } from '../../../src/registry/net/hostsFile.ts';
import { resolveName } from '../../../src/registry/net/resolveName.ts';
import { type NameServer, startNameServer } from '../support/nameServer.ts';

describe('resolving a name', () => {
  let server: NameServer;
  before(async () => {
    server = await startNameServer((name, family) => {
      if (name.endsWith('.mute.test')) return 'mute';
      if (name === 'half.test') return family === 4 ? ['192.0.2.4'] : 'mute';
      if (name.endsWith('good.test')) return family === 4 ? ['192.0.2.1', '192.0.2.2'] : [];
      return name === 'empty.test' ? [] : 'no such name';
    });
  });
  after(() => server.close());

  const codeOf = (name: string): Promise<unknown> =>
    resolveName(name, [server.address]).catch((error: unknown) => (error as { code: string }).code);

  it('gives all addresses, and one whose other family never comes', async () => {
    assert.deepEqual(await resolveName('good.test', [server.address]), [
      { address: '192.0.2.1', family: 4 },
      { address: '192.0.2.2', family: 4 },
    ]);
    assert.deepEqual(await resolveName('half.test', [server.address]), [{ address: '192.0.2.4', family: 4 }]);
  });

  it('tells a name that is not there from one without an address', async () => {
    assert.equal(await codeOf('nobody.test'), 'ENOTFOUND');
    assert.equal(await codeOf('empty.test'), 'ENODATA');
  });

  it('asks once for all who want a name at the same time', async () => {
    const before = server.asked();
    await Promise.all(Array.from({ length: 20 }, () => resolveName('many.good.test', [server.address])));
    assert.equal(server.asked() - before, 2);
  });

  it('holds up neither another name nor the threads of the process where nobody answers for hundreds', async () => {
    const ended: string[] = [];
    const mute = Array.from({ length: 400 }, (_, index) =>
      codeOf(`n${index}.mute.test`).then((code) => {
        ended.push('mute');
        return code;
      }),
    );
    await resolveName('other.good.test', [server.address]);
    ended.push('good');
    await stat(import.meta.filename);
    ended.push('file');
    assert.deepEqual(ended, ['good', 'file']);

    // No more than some hundreds at a time: the rest is refused at once.
    const more = Array.from({ length: 200 }, (_, index) => codeOf(`m${index}.mute.test`));
    let refused = 0;
    for (const one of more) void one.then(() => (refused += 1));
    await nextTurn();
    assert.equal(refused, 100);
    assert.deepEqual(new Set(await Promise.all([...mute, ...more])), new Set(['EAI_AGAIN']));
  });
});

describe('the hosts file', () => {
  it('is read as the system reads it', () => {
    const text =
      '127.0.0.1 localhost\n# 10.0.0.9 gone\n10.0.0.5\tRegistry.Local  registry # ours\n::1 localhost\nnonsense';
    assert.deepEqual(parseHosts(text, 'registry.local'), [{ address: '10.0.0.5', family: 4 }]);
    assert.deepEqual(parseHosts(text, 'LOCALHOST'), [
      { address: '127.0.0.1', family: 4 },
      { address: '::1', family: 6 },
    ]);
    assert.deepEqual(parseHosts(text, 'gone'), []);
  });
});
