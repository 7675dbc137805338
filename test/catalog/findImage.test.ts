import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { sha256Of } from '../../src/image/digest.ts';
import { findImage, knownDigests } from '../../src/catalog/findImage.ts';
import { writeManifestOf, writeTag } from '../../src/store/hints/aliases.ts';
import { AMD64, ARM64 } from '../runs/support/loopbackRegistry.ts';
import { dropHints, type Rig, runActivities, setLastUsed, startRig } from '../runs/support/rig.ts';

let rig: Rig;
before(async () => (rig = await startRig()));
after(() => rig.close());
afterEach(() => {
  rig.registry.misbehave = () => false;
});

describe('finding an image', () => {
  it('needs no hint: by tag, by manifest, by index', async () => {
    const name = rig.repository();
    const amd64 = {
      ...rig.registry.push(undefined, { layers: [Buffer.from(name)] }),
      platform: AMD64,
    };
    const index = rig.registry.pushIndex(`${name}:1`, [amd64]);
    const blob = await runActivities(rig.context, rig.image(`${name}:1`));
    const references = [`${name}:1`, `${name}@${amd64.digest}`, `${name}@${index}`, `${name}:1@${index}`];
    for (const round of ['with hints', 'without']) {
      for (const reference of references) {
        const { ref, platform } = rig.request(rig.image(reference));
        const found = await findImage(rig.context.storage, ref, platform);
        assert.equal(found?.blob, blob, `${reference} ${round}`);
      }
      await dropHints(rig.context.storage);
    }
    for (const other of [`${name}:2`, `${name}2:1`, `${name}@${sha256Of('another')}`]) {
      const { ref, platform } = rig.request(rig.image(other));
      assert.equal(await findImage(rig.context.storage, ref, platform), undefined, other);
    }
  });

  it('takes the newest of a tag where there is no hint', async () => {
    const tag = `${rig.repository()}:1`;
    const old = await rig.cache(tag, 'old');
    await setLastUsed(rig.context, old.blob, '2020-01-01T00:00:00Z');
    const client = rig.context.storage.images.getBlobClient(old.blob);
    const { metadata } = await client.getProperties();
    await client.setMetadata({ ...metadata, createdat: '2020-01-01T00:00:00Z' });
    const fresh = await rig.cache(tag, 'new');
    await dropHints(rig.context.storage);
    const { ref } = rig.request(rig.image(tag));
    const found = await findImage(rig.context.storage, ref, AMD64);
    assert.equal(found?.blob, fresh.blob);
    assert.equal(found.manifestDigest, fresh.digest);
  });

  it('does not give the image of a repository below the one that is asked for', async () => {
    const name = rig.repository();
    const amd64 = { ...rig.registry.push(undefined), platform: AMD64 };
    const index = rig.registry.pushIndex(`${name}/mirror:1`, [amd64]);
    const mirror = await runActivities(rig.context, rig.image(`${name}/mirror:1`));
    await dropHints(rig.context.storage);
    const { ref } = rig.request(rig.image(`${name}@${index}`));
    assert.equal(await findImage(rig.context.storage, ref, AMD64), undefined);
    const other = rig.request(rig.image(`${name}/mirror@${index}`));
    assert.equal((await findImage(rig.context.storage, other.ref, AMD64))?.blob, mirror);
  });

  it('does not give an archive to a platform that it does not run on', async () => {
    const tag = `${rig.repository()}:1`;
    const { digest } = await rig.cache(tag);
    for (const reference of [rig.image(tag), `${rig.image(tag)}@${digest}`]) {
      const { ref } = rig.request(reference);
      assert.equal(await findImage(rig.context.storage, ref, ARM64), undefined);
      assert.ok(await findImage(rig.context.storage, ref, AMD64));
    }
  });

  it('does not give the archive of another variant where the right one is known, and gone', async () => {
    const name = rig.repository();
    const variant = (v: string) => {
      const platform = { os: 'linux', architecture: 'arm', variant: v };
      return { ...rig.registry.push(undefined, { platform, layers: [Buffer.from(name + v)] }), platform };
    };
    const [v6, v7] = [variant('v6'), variant('v7')];
    const index = rig.registry.pushIndex(`${name}:1`, [v6, v7]);
    const older = await runActivities(rig.context, rig.image(`${name}:1`), 'linux/arm/v6');
    const newer = await runActivities(rig.context, rig.image(`${name}:1`), 'linux/arm/v7');
    const { storage } = rig.context;
    const find = async (reference: string) => {
      const { ref } = rig.request(rig.image(reference));
      return (await findImage(storage, ref, v7.platform))?.blob;
    };
    const references = [`${name}:1`, `${name}@${index}`];
    for (const reference of references) assert.equal(await find(reference), newer);
    // Without hints the better of the two is found, not the one that is older or younger.
    await dropHints(storage);
    for (const reference of references) assert.equal(await find(reference), newer);
    await writeTag(storage, rig.request(rig.image(`${name}:1`)).ref, '1', index);
    await writeManifestOf(storage, rig.request(rig.image(name)).ref, index, v7.platform, v7.digest);
    await storage.images.deleteBlob(newer);
    for (const reference of references) assert.equal(await find(reference), undefined);
    // Where nothing is known, what runs there will do.
    await dropHints(storage);
    for (const reference of references) assert.equal(await find(reference), older);
  });

  it('survives hints that lead nowhere', async () => {
    const tag = `${rig.repository()}:1`;
    const { digest, blob } = await rig.cache(tag);
    const { ref } = rig.request(rig.image(tag));
    const nowhere = `sha256:${'0'.repeat(64)}` as const;
    await writeManifestOf(rig.context.storage, ref, nowhere, AMD64, nowhere);
    await writeTag(rig.context.storage, ref, '1', nowhere);
    assert.deepEqual((await knownDigests(rig.context.storage, ref))?.[0], nowhere);
    // What the tag stood for before is there.
    assert.equal((await findImage(rig.context.storage, ref, AMD64))?.blob, blob);
    const byDigest = await findImage(rig.context.storage, { ...ref, digest }, AMD64);
    assert.equal(byDigest?.blob, blob);
  });
});
