import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sha256Of } from '../../src/image/digest.ts';
import { mirrorBlob, mirrorManifest } from '../../src/distribution/mirror.ts';
import { pruneImages } from '../../src/upkeep/pruneImages.ts';
import { removeImage } from '../../src/service/removeImage.ts';
import { dropHints, type Rig, runActivities, setLastUsed, startRig } from '../runs/support/rig.ts';
import { storageCalls } from '../support/storageCalls.ts';

let rig: Rig;
before(async () => (rig = await startRig()));
after(() => rig.close());

/** More than the twenty that one look goes into. */
const ARCHIVES = 24;

async function holders(context: Pick<Rig['context'], 'storage'>): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of context.storage.index.listBlobsFlat({ prefix: 'layers/' })) names.push(name);
  return names;
}

describe('a blob that is asked for at the mirror', () => {
  it('costs a bounded number of storage calls where nobody has it, and hardly any the second time', async () => {
    const context = await rig.with({});
    const name = rig.repository();
    for (let index = 0; index < ARCHIVES; index++) {
      rig.registry.push(`${name}:${index}`, { layers: [Buffer.from(`${name} ${index}`)] });
      await runActivities(context, rig.image(`${name}:${index}`));
    }
    const { ref } = rig.request(rig.image(name));
    const miss = (text: string): Promise<readonly string[]> =>
      storageCalls(rig.server.connectionString, async () => {
        assert.equal(await mirrorBlob(context, ref, sha256Of(text)), undefined);
      });
    // Another process, which has learnt nothing: the store is another object.
    const [first, second, third, same] = [await miss('1'), await miss('2'), await miss('3'), await miss('3')];
    assert.ok(first.length <= 22, `${first.length} calls`);
    assert.ok(second.length <= 2 + ARCHIVES - 20, `${second.length} calls`);
    assert.equal(third.length, 2, third.join('\n'));
    assert.equal(same.length, 1, same.join('\n'));
  });

  it('is found by its hint, and without hints as well', async () => {
    const name = rig.repository();
    const { digest, layers, blob } = await rig.cache(`${name}:1`);
    const { ref } = rig.request(rig.image(name));
    const layer = layers[0]?.digest ?? assert.fail();
    const calls = await storageCalls(rig.server.connectionString, () => mirrorBlob(rig.context, ref, layer));
    assert.deepEqual(
      calls.map((call) => call.split(' ')[0]),
      ['GET', 'HEAD', 'GET'],
    );
    await dropHints(rig.context.storage);
    assert.equal((await mirrorBlob(rig.context, ref, layer))?.size, `${name}:1`.length);
    assert.equal((await holders(rig.context)).filter((hint) => hint.endsWith(blob)).length, 2);
    const manifest = await mirrorManifest(rig.context, { ...ref, digest });
    assert.equal(manifest?.digest, digest);
    // Of another repository it is not, though the archive is there.
    const other = rig.request(rig.image(`${name}/other`)).ref;
    assert.equal(await mirrorBlob(rig.context, other, layer), undefined);
  });

  it('is in no hint any more once its image is removed, or pruned', async () => {
    const context = await rig.with({});
    for (const [tag, remove] of [
      ['removed/x:1', () => removeImage(context, rig.request(rig.image('removed/x:1')))],
      ['pruned/x:1', () => pruneImages(context)],
    ] as const) {
      rig.registry.push(tag, { layers: [Buffer.from(tag)] });
      const blob = await runActivities(context, rig.image(tag));
      assert.equal((await holders(context)).length, 2);
      await setLastUsed(context, blob, '2020-01-01T00:00:00Z');
      await remove();
      assert.deepEqual(await holders(context), []);
    }
  });
});
