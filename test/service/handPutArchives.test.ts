import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { findImage } from '../../src/catalog/findImage.ts';
import { imageView, lookupView } from '../../src/service/imageViews.ts';
import { hexOf, sha256Of } from '../../src/image/digest.ts';
import { describeImage } from '../../src/service/describeImage.ts';
import { ensureImage } from '../../src/service/ensureImage.ts';
import { lookupImage } from '../../src/service/lookupImage.ts';
import { removeImage } from '../../src/service/removeImage.ts';
import { awaitAdoptions } from '../../src/store/archive/adoptArchive.ts';
import { listArchives } from '../../src/store/archive/archives.ts';
import { pruneImages } from '../../src/upkeep/pruneImages.ts';
import { RecordedRuns, type Rig, startRig, type TestContext } from '../runs/support/rig.ts';
import { dockerNew, dockerOld, ociLayout, podman, savedSample, tarOf } from '../support/savedArchives.ts';
import { storageCalls } from '../support/storageCalls.ts';

let rig: Rig;
before(async () => (rig = await startRig()));
after(() => rig.close());

const noRuns = new RecordedRuns();
const HASH = sha256Of('what the operator likes');

const put = (context: TestContext, blob: string, bytes: Uint8Array, metadata: Record<string, string> = {}) =>
  context.storage.images.getBlockBlobClient(blob).upload(bytes, bytes.length, { metadata });

const lookup = (context: TestContext, image: string) => lookupImage(context, noRuns, rig.request(image), 0);

const pagesOf = (context: TestContext, prefix: string) =>
  listArchives(context.storage, { prefix, pageSize: 1000 });

describe('an archive that was put there by hand', () => {
  const tags = ['broadinstitute/gatk:4.6', 'broadinstitute/gatk:latest'];
  const writers = {
    'Docker before 25': (sample) => dockerOld(sample, tags),
    'Docker since 25': (sample) =>
      dockerNew(
        sample,
        tags.map((tag) => `docker.io/${tag}`),
      ),
    podman: (sample) =>
      podman(
        sample,
        tags.map((tag) => `docker.io/${tag}`),
      ),
    'skopeo as an OCI layout': (sample) =>
      ociLayout(sample, { 'org.opencontainers.image.ref.name': 'docker.io/broadinstitute/gatk:4.6' }),
  } satisfies Record<string, (sample: Awaited<ReturnType<typeof savedSample>>) => unknown>;

  for (const [writer, entriesOf] of Object.entries(writers))
    for (const encoding of [undefined, 'gzip'] as const)
      it(`of ${writer}${encoding === undefined ? '' : ', gzipped,'} is found, stamped, and removed`, async () => {
        const context = await rig.with({});
        const sample = await savedSample(['one', writer]);
        const tar = await tarOf(entriesOf(sample));
        const bytes = encoding === undefined ? tar : gzipSync(tar);
        const blob = `broadinstitute/gatk/${hexOf(HASH)}.tar`;
        await put(context, blob, bytes, { owner: 'genomics' });
        if (encoding !== undefined) {
          const first = await lookup(context, 'broadinstitute/gatk:4.6');
          assert.equal(first.state, 'pending');
          await awaitAdoptions();
        }
        for (const name of [':4.6', `@${HASH}`, `@${sample.imageId}`, `:other@${HASH}`]) {
          const image = `broadinstitute/gatk${name}`;
          const found = await lookup(context, image);
          assert.ok(found.state === 'ready', `${image}: ${found.state}`);
          assert.equal(found.cached.blob, blob);
          const view = lookupView(rig.request(image), found);
          assert.deepEqual(
            [view.format, view.encoding],
            [writer.includes('OCI') ? 'oci' : 'docker', encoding],
          );
          assert.deepEqual([view.imageId, view.manifestDigest], [sample.imageId, HASH]);
          assert.match(view.notes?.[0] ?? '', /on the word of whoever put it there/);
          assert.equal(view.runRef, `broadinstitute/gatk:sha256-${hexOf(HASH)}`);
          const answer = await fetch(view.url ?? '');
          assert.deepEqual(Buffer.from(await answer.arrayBuffer()), bytes);
        }
        const { metadata } = await context.storage.images.getBlobClient(blob).getProperties();
        assert.equal(metadata?.owner, 'genomics');
        assert.match(metadata.lastused ?? '', /^\d{4}-.*Z$/);
        await assert.rejects(lookup(context, 'broadinstitute/gatk:5'), { code: 'image_not_cached' });
        await assert.rejects(lookup(context, 'broadinstitute/other:4.6'), { code: 'image_not_cached' });
        await removeImage(context, rig.request('broadinstitute/gatk:4.6'));
        assert.equal(await context.storage.images.getBlobClient(blob).exists(), false);
        await assert.rejects(lookup(context, 'broadinstitute/gatk:4.6'), { code: 'image_not_cached' });
      });

  it('is read once, with a few ranged reads, and then costs what every archive does', async () => {
    const context = await rig.with({ LASTUSED_RESOLUTION_SECONDS: '86400' });
    const sample = await savedSample(['x'.repeat(2_000_000)]);
    await put(
      context,
      `team/once/${hexOf(sample.imageId)}.tar`,
      await tarOf(podman(sample, ['team/once:1'])),
    );
    const calls = (image: string) => storageCalls(rig.server.connectionString, () => lookup(context, image));
    const blobReads = (made: readonly string[]) => made.filter((call) => /^GET .*\.tar$/.test(call)).length;
    const writes = (made: readonly string[]) => made.filter((call) => call.startsWith('PUT metadata')).length;
    const first = await calls('team/once:1');
    assert.ok(blobReads(first) <= 8, first.join('\n'));
    assert.equal(writes(first), 1);
    const second = await calls(`team/once@${sample.imageId}`);
    assert.deepEqual([blobReads(second), writes(second), second.length], [0, 0, 1], second.join('\n'));
  });

  it('says what its hash is', async () => {
    const context = await rig.with({});
    const sample = await savedSample(['a']);
    const tar = await tarOf(dockerNew(sample, ['docker.io/team/kinds:1']));
    for (const [hash, manifestDigest] of [
      [sample.digest, sample.digest],
      [sample.imageId, undefined],
    ] as const) {
      await put(context, `team/kinds/${hexOf(hash)}.tar`, tar);
      const found = await describeImage(context, noRuns, rig.request(`team/kinds@${hash}`));
      const view = imageView(rig.request('team/kinds:1'), found);
      assert.deepEqual([view.state, view.manifestDigest, view.notes], ['ready', manifestDigest, undefined]);
    }
    await put(
      context,
      'team/named/tool-1.0.tar.gz',
      gzipSync(await tarOf(dockerNew(sample, ['team/named:1']))),
    );
    await pagesOf(context, 'team/named/');
    await awaitAdoptions();
    for (const name of [':1', `@${sample.digest}`, `@${sample.indexDigest}`, `@${sample.imageId}`]) {
      const { ref, platform } = rig.request(`team/named${name}`);
      assert.equal(
        (await findImage(context.storage, ref, platform))?.blob,
        'team/named/tool-1.0.tar.gz',
        name,
      );
    }
  });

  it('is of the repository that its folder names', async () => {
    const context = await rig.with({});
    const sample = await savedSample(['f']);
    const cases = [
      ['ubuntu/', ['ubuntu:24.04'], 'ubuntu:24.04'],
      ['library/debian/', ['debian:13'], 'debian:13'],
      ['ghcr.io/team/tool/', ['ghcr.io/team/tool:1'], 'ghcr.io/team/tool:1'],
      ['registry.lan_5000/team/tool/', ['registry.lan:5000/team/tool:1'], 'registry.lan:5000/team/tool:1'],
      ['myhost_5000/team/tool/', ['myhost:5000/team/tool:1'], 'myhost:5000/team/tool:1'],
      ['team/elsewhere/', ['other/name:7'], `team/elsewhere@${HASH}`],
    ] as const;
    for (const [folder, tags, image] of cases) {
      await put(context, `${folder}${hexOf(HASH)}.tar`, await tarOf(podman(sample, tags)));
      const found = await lookup(context, image);
      assert.ok(found.state === 'ready', image);
      assert.equal(found.cached.blob, `${folder}${hexOf(HASH)}.tar`);
    }
    await assert.rejects(lookup(context, 'team/elsewhere:7'), { code: 'image_not_cached' });
  });

  it('fits the platform that it is for', async () => {
    const context = await rig.with({});
    const [amd64, arm64] = await Promise.all(
      ['amd64', 'arm64'].map((architecture) => savedSample(['p'], { architecture })),
    );
    for (const sample of [amd64, arm64])
      if (sample !== undefined)
        await put(
          context,
          `team/multi/${hexOf(sample.imageId)}.tar`,
          await tarOf(podman(sample, ['team/multi:1'])),
        );
    for (const [platform, sample] of [
      ['linux/amd64', amd64],
      ['linux/arm64', arm64],
    ] as const) {
      const found = await lookupImage(context, noRuns, rig.request('team/multi:1', platform), 0);
      assert.equal(found.state === 'ready' && found.cached.imageId, sample?.imageId);
    }
    await assert.rejects(lookupImage(context, noRuns, rig.request('team/multi:1', 'linux/riscv64'), 0));
  });

  it('is listed and pruned like the rest; what is no archive is left alone, and named', async () => {
    const context = await rig.with({ PRUNE_AFTER_DAYS: '1' });
    const sample = await savedSample(['l']);
    const tar = await tarOf(podman(sample, ['a/b:1']));
    await put(context, `a/b/${hexOf(HASH)}.tar`, tar, { lastused: '2020-01-01T00:00:00Z' });
    const two = await tarOf([
      ...podman(sample, ['a/b:1']).slice(0, -1),
      ['manifest.json', JSON.stringify([1, 2].map(() => listed(sample)))],
    ]);
    const others = {
      'a/b/readme.txt': Buffer.from('hello'),
      [`a/b/${hexOf(sha256Of('cut'))}.tar`]: tar.subarray(0, tar.length - 2000),
      [`a/b/${hexOf(sha256Of('text'))}.tar`]: Buffer.from('not a tar at all'),
      [`a/b/${hexOf(sha256Of('empty'))}.tar`]: Buffer.alloc(0),
      [`a/b/${hexOf(sha256Of('two'))}.tar`]: two,
      [`A/${hexOf(sha256Of('case'))}.tar`]: tar,
      'loose.tar': tar,
    };
    for (const [blob, bytes] of Object.entries(others)) await put(context, blob, bytes);
    const page = await pagesOf(context, '');
    assert.deepEqual(
      page.images.map(({ blob }) => blob),
      [`a/b/${hexOf(HASH)}.tar`],
    );
    assert.deepEqual(page.others.map(({ blob }) => blob).sort(), Object.keys(others).sort());
    const reasonOf = (start: string) => page.others.find(({ blob }) => blob.startsWith(start))?.reason ?? '';
    assert.match(reasonOf('a/b/readme'), /name is not an archive/);
    assert.match(reasonOf(`a/b/${hexOf(sha256Of('cut'))}`), /cut short/);
    assert.match(reasonOf(`a/b/${hexOf(sha256Of('text'))}`), /cut short|not a tar/);
    assert.match(reasonOf(`a/b/${hexOf(sha256Of('two'))}`), /holds 2 images/);
    assert.match(reasonOf('A/'), /not a repository/);
    // Seen once, they are not read again.
    const again = await storageCalls(rig.server.connectionString, () => pagesOf(context, ''));
    assert.equal(again.length, 1, again.join('\n'));
    const { deleted } = await pruneImages(context);
    assert.deepEqual(
      deleted.images.map(({ blob }) => blob),
      [`a/b/${hexOf(HASH)}.tar`],
    );
    for (const blob of Object.keys(others))
      assert.equal(await context.storage.images.getBlobClient(blob).exists(), true, blob);
  });

  it('of which the metadata was lost or mangled is read again', async () => {
    const context = await rig.with({});
    const sample = await savedSample(['m']);
    const blob = `team/lost/${hexOf(HASH)}.tar`;
    await put(context, blob, await tarOf(podman(sample, ['team/lost:1'])));
    await lookup(context, 'team/lost:1');
    const client = context.storage.images.getBlobClient(blob);
    const { metadata = {} } = await client.getProperties();
    for (const broken of [
      {},
      { ...metadata, diffidsdigest: 'x' },
      { ...metadata, format: 'zip' },
      { ...metadata, image: '' },
    ]) {
      await client.setMetadata(broken);
      assert.equal((await lookup(context, 'team/lost:1')).state, 'ready', JSON.stringify(broken));
    }
  });
});

describe('a tag of an archive that was put there by hand', () => {
  const uploaded = async (name: string) => {
    const sample = await savedSample([name]);
    const folder = `${rig.registry.host.replace(':', '_')}/${name}/`;
    const blob = `${folder}${hexOf(sample.imageId)}.tar`;
    await put(rig.context, blob, await tarOf(podman(sample, [`${rig.registry.host}/${name}:1`])));
    return { blob, image: rig.image(`${name}:1`) };
  };

  it('is served where its registry says no, cannot be reached, or was never asked', async () => {
    const { blob, image } = await uploaded(rig.repository());
    for (const status of [404, 401, 403]) {
      rig.outage(status);
      const found = await ensureImage(rig.context, noRuns, rig.request(image));
      rig.registry.misbehave = () => false;
      assert.ok(found.state === 'ready', String(status));
      assert.deepEqual([found.cached.blob, found.stale], [blob, true]);
    }
  });

  it('is served, stale, while the image that its registry has is on its way', async () => {
    const name = rig.repository();
    rig.registry.push(`${name}:1`, { layers: [Buffer.from('the registry’s')] });
    // The alias is there first: what was put there since is not in it.
    await ensureImage(rig.context, new RecordedRuns(), rig.request(rig.image(`${name}:1`)));
    const { blob, image } = await uploaded(name);
    const runs = new RecordedRuns();
    const ensured = await ensureImage(rig.context, runs, rig.request(image));
    assert.equal(ensured.state, 'pending');
    const found = await lookupImage(rig.context, runs, rig.request(image), 0);
    assert.ok(found.state === 'ready');
    assert.deepEqual([found.cached.blob, found.stale], [blob, true]);
  });
});

describe('a cached tag that its registry says no to', () => {
  for (const [setting, isServed] of [
    ['refuse', false],
    ['serve', true],
  ] as const)
    it(`is ${isServed ? 'served' : 'refused'} with ON_REGISTRY_REFUSAL=${setting}`, async () => {
      const tag = `${rig.repository()}:1`;
      const { digest } = await rig.cache(tag);
      const context = { ...rig.context, config: { ...rig.context.config, onRefusal: setting } };
      for (const [status, code] of [
        [404, 'image_not_found'],
        [403, 'registry_denied'],
      ] as const) {
        rig.outage(status);
        const ensuring = ensureImage(context, noRuns, rig.request(rig.image(tag)));
        if (isServed) assert.equal((await ensuring).state, 'ready');
        else await assert.rejects(ensuring, { code });
        // A digest asks nobody, and neither does a lookup.
        const exact = rig.request(rig.image(`${tag}@${digest}`));
        assert.equal((await ensureImage(context, noRuns, exact)).state, 'ready');
        assert.equal((await lookupImage(context, noRuns, rig.request(rig.image(tag)), 0)).state, 'ready');
      }
      rig.registry.misbehave = () => false;
    });

  it('is served where its registry cannot be reached, as what was put there by hand is', async () => {
    const other = await startRig();
    try {
      const tag = `${other.repository()}:1`;
      await other.cache(tag);
      const sample = await savedSample(['u']);
      const folder = `${other.registry.host.replace(':', '_')}/by/hand/`;
      await put(
        other.context,
        `${folder}${hexOf(HASH)}.tar`,
        await tarOf(podman(sample, [other.image('by/hand:1')])),
      );
      other.outage(503);
      for (const image of [other.image(tag), other.image('by/hand:1')]) {
        const found = await ensureImage(other.context, noRuns, other.request(image));
        assert.ok(found.state === 'ready' && found.stale === true, image);
      }
    } finally {
      await other.close();
    }
  });
});

describe('an image id', () => {
  it('finds the image, with hints and without', async () => {
    const name = rig.repository();
    const { blob } = await rig.cache(`${name}:1`);
    const { cached } = (await describeImage(rig.context, noRuns, rig.request(rig.image(`${name}:1`)))) as {
      cached: { imageId: string };
    };
    const request = rig.request(rig.image(`${name}@${cached.imageId}`));
    const found = await findImage(rig.context.storage, request.ref, request.platform);
    assert.equal(found?.blob, blob);
    const calls = await storageCalls(rig.server.connectionString, () =>
      findImage(rig.context.storage, request.ref, request.platform),
    );
    assert.ok(!calls.some((call) => call.includes('list')), calls.join('\n'));
  });
});

function listed(sample: Awaited<ReturnType<typeof savedSample>>): object {
  const Layers = sample.diffIds.map((id) => `${hexOf(id)}.tar`);
  return { Config: `${hexOf(sample.imageId)}.json`, RepoTags: ['a/b:1'], Layers };
}
