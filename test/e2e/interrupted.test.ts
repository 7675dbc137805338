import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { open, readFile, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { makeLayer } from '../support/layers.ts';
import { removeDirectory, temporaryDirectory } from '../support/process.ts';
import { type PushedImage, pushImage } from '../support/push.ts';
import { type Registry, startRegistry } from '../support/registry.ts';
import { download, startTestService, type TestService } from '../support/service.ts';
import { requireTools } from '../support/tools.ts';

const skip = requireTools('docker-registry', 'openssl');
const MiB = 1024 * 1024;

/** Layers of random bytes, so that an image takes a moment. */
async function pushRandom(registry: Registry, name: string, sizes: readonly number[]): Promise<PushedImage> {
  const layers = await Promise.all(
    sizes.map((size, index) => makeLayer({ [`data/${index}`]: { content: randomBytes(size) } }, 'none')),
  );
  return pushImage(registry, { name, tag: '1', layers });
}

/** Where distribution's filesystem driver keeps a blob. */
function blobFile(registryData: string, digest: string): string {
  const hex = digest.slice('sha256:'.length);
  return path.join(registryData, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data');
}

describe('a run that is disturbed', { skip }, () => {
  let folder: string;
  let registry: Registry;
  const registryData = (): string => path.join(folder, 'registry');

  before(async () => {
    folder = await temporaryDirectory('interrupted');
    registry = await startRegistry({ dataDirectory: registryData() });
  });
  after(async () => {
    await registry.close();
    await removeDirectory(folder);
  });

  it('is killed half-way, and asked for again: the same archive, byte for byte', async (t) => {
    const { reference } = await pushRandom(registry, 'team/big', [40 * MiB, 60 * MiB, 30 * MiB]);
    const env = { INSECURE_REGISTRIES: registry.host };

    const undisturbed = await startTestService(env);
    t.after(() => undisturbed.close());
    const expected = path.join(folder, 'expected.tar');
    await download((await undisturbed.cache(reference)).url, expected);

    const data = path.join(folder, 'data');
    const first = await startTestService(env, data);
    t.after(() => first.kill());
    await first.ask(reference);
    await eventually('20 MiB are staged', async () => {
      const { body } = await first.request('GET', `/api/images?image=${reference}`);
      assert.notEqual(body.state, 'ready', 'the image was cached before it could be disturbed');
      return (body.progress?.stagedBytes ?? 0) > 20 * MiB;
    });
    await first.kill();

    const second = await startTestService(env, data);
    t.after(() => second.close());
    assert.equal(
      (await second.request('GET', `/api/lookup?image=${reference}`)).body.code,
      'image_not_cached',
    );
    const actual = path.join(folder, 'actual.tar');
    await download((await second.cache(reference)).url, actual);
    assert.equal(await sha256OfFile(actual), await sha256OfFile(expected));
  });

  describe('by a layer that is not what its manifest says', () => {
    let service: TestService;
    before(async () => (service = await startTestService({ INSECURE_REGISTRIES: registry.host })));
    after(() => service.close());

    const damages: [what: string, damage: (file: string, size: number) => Promise<void>][] = [
      ['one flipped byte', flipByte],
      ['a truncated layer', (file, size) => truncate(file, size - 1000)],
      ['a layer that is too long', (file) => writeFile(file, 'more', { flag: 'a' })],
    ];
    for (const [what, damage] of damages) {
      it(`${what}: never committed, and the error says which layer`, async () => {
        const name = `team/${what.replaceAll(' ', '-')}`;
        const { layers, reference } = await pushRandom(registry, name, [2 * MiB, 20 * MiB, MiB]);
        const victim = layers[1] ?? assert.fail();
        await damage(blobFile(registryData(), victim.digest), victim.size);

        assert.equal((await service.ask(reference)).status, 202);
        const last = (await service.watch(reference)).at(-1);
        assert.equal(last?.state, 'failed', JSON.stringify(last));
        assert.equal(last.error?.code, 'digest_mismatch');
        assert.match(last.error.detail, new RegExp(victim.digest));

        const { status, text } = await service.request('GET', `/api/lookup?image=${reference}`);
        assert.equal(status, 424);
        assert.match(text, new RegExp(victim.digest));
        const { body } = await service.request('GET', `/api/images?prefix=`);
        assert.ok(!JSON.stringify(body.images).includes(name));
      });
    }
  });
});

async function flipByte(file: string, size: number): Promise<void> {
  const handle = await open(file, 'r+');
  const at = Math.floor(size / 2);
  const byte = Buffer.alloc(1);
  await handle.read(byte, 0, 1, at);
  byte[0] = (byte[0] ?? 0) ^ 1;
  await handle.write(byte, 0, 1, at);
  await handle.close();
}

async function sha256OfFile(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}
