import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Rig, setLastUsed, startRig } from '../runs/support/rig.ts';
import { podman, savedSample, tarOf } from '../support/savedArchives.ts';
import { imageCache as runCommand } from './support/commands.ts';

let rig: Rig;
before(async () => (rig = await startRig()));
after(() => rig.close());

/** With the app's settings, and no service anywhere. */
const imageCache = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  runCommand([...args, '--storage'], {
    env: {
      IMAGE_STORAGE: rig.server.connectionString,
      IMAGE_CONTAINER: rig.context.storage.images.containerName,
      IMAGE_CACHE_URL: 'http://127.0.0.1:9',
      ...env,
    },
  });

describe('image-cache --storage', () => {
  it('lists, shows, looks up, verifies and counts what is there, where no service runs', async () => {
    const tag = `${rig.repository()}:1`;
    const { blob, digest } = await rig.cache(tag);
    const sample = await savedSample(['by hand']);
    const tar = await tarOf(podman(sample, ['by/hand:1']));
    await rig.context.storage.images
      .getBlockBlobClient(`by/hand/${'1'.repeat(64)}.tar`)
      .upload(tar, tar.length);

    const list = await imageCache(['list', '--json']);
    assert.equal(list.code, 0, list.stderr);
    const images = JSON.parse(list.stdout) as { blob: string; pruneAfter?: string }[];
    assert.deepEqual(
      images.map((image) => image.blob).sort(),
      [blob, `by/hand/${'1'.repeat(64)}.tar`].sort(),
    );
    assert.ok(images.every(({ pruneAfter }) => pruneAfter !== undefined));

    const show = await imageCache(['show', rig.image(tag)]);
    assert.equal(show.code, 0, show.stderr);
    assert.ok(show.stdout.includes(digest));
    const lookup = await imageCache(['lookup', 'by/hand:1']);
    assert.equal(lookup.code, 0, lookup.stderr);
    assert.match(lookup.stdout, /^url +http/m);
    const verify = await imageCache(['verify', '--all']);
    assert.equal(verify.code, 0, verify.stderr);
    assert.equal(verify.stdout.match(/: right: /g)?.length, 2);
    const stats = JSON.parse((await imageCache(['stats', '--json'])).stdout) as { images: number };
    assert.equal(stats.images, 2);
    assert.match((await imageCache(['reindex'])).stdout, /^2 archives are known again/);

    const gone = await imageCache(['show', rig.image('none:1')]);
    assert.equal(gone.code, 4, gone.stderr);
    assert.equal((await imageCache(['lookup', rig.image('none:1')])).code, 4);
  });

  it('prunes by the app’s settings, and removes', async () => {
    const [old, spare] = [`${rig.repository()}:1`, `${rig.repository()}:1`];
    const { blob } = await rig.cache(old);
    await rig.cache(spare);
    await setLastUsed(rig.context, blob, '2026-01-01T00:00:00Z');
    const kept = await imageCache(['prune', '--dry-run'], { PRUNE_KEEP: rig.image('*') });
    assert.match(kept.stdout, /^0 would be deleted/m);
    const plan = await imageCache(['prune', '--dry-run']);
    assert.match(plan.stdout, /1 would be deleted/);
    assert.equal((await imageCache(['prune'])).code, 0);
    assert.equal(await rig.context.storage.images.getBlobClient(blob).exists(), false);
    const removed = await imageCache(['remove', rig.image(spare), rig.image('none:1')]);
    assert.equal(removed.code, 4);
    assert.equal(removed.stdout, `removed ${rig.image(spare)}\n`);
  });

  it('says what is set wrongly, or cannot be reached', async () => {
    const unset = await imageCache(['list'], { IMAGE_STORAGE: '' });
    assert.equal(unset.code, 2);
    assert.match(unset.stderr, /No storage is set: set IMAGE_STORAGE .*settings are those of the app/);
    const wrong = await imageCache(['list'], { PRUNE_AFTER_DAYS: 'soon' });
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /PRUNE_AFTER_DAYS is "soon"/);
    const name = await imageCache(['show', 'Team/UPPER:1']);
    assert.equal(name.code, 1);
    assert.match(name.stderr, /is not an image reference/);
    const add = await imageCache(['add', 'ubuntu']);
    assert.equal(add.code, 2);
    assert.match(add.stderr, /add takes no --storage/);
  });
});
