import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { CacheContext } from '../../src/context.ts';
import { describeImage } from '../../src/service/describeImage.ts';
import { ensureImage } from '../../src/service/ensureImage.ts';
import { findImage } from '../../src/catalog/findImage.ts';
import { lookupImage } from '../../src/service/lookupImage.ts';
import { pruneImages } from '../../src/upkeep/pruneImages.ts';
import { removeImage } from '../../src/service/removeImage.ts';
import { runId } from '../../src/runs/messages.ts';
import { CacheError } from '../../src/errors.ts';
import { sha256Of } from '../../src/image/digest.ts';
import { writeManifestOf, writeTag } from '../../src/store/hints/aliases.ts';
import { isoSeconds, readArchive, touchArchive } from '../../src/store/archive/archives.ts';
import { readDocument } from '../../src/store/hints/documents.ts';
import type { Storage } from '../../src/store/storage.ts';
import { AMD64, ARM64, type PushedImage } from './support/registry.ts';
import { RecordedRuns, type Rig, runActivities, SMALL, startRig } from './support/rig.ts';

let rig: Rig;
before(async () => (rig = await startRig()));
after(() => rig.close());
afterEach(() => {
  rig.registry.misbehave = () => false;
});

let repositories = 0;
const repository = (): string => `team/image${repositories++}`;

/** Pushes an image and caches it. */
async function cached(tag: string, content = tag): Promise<PushedImage & { readonly blob: string }> {
  const image = rig.registry.push(tag, { layers: [Buffer.from(content)] });
  const { blob } = await runActivities(rig.context, rig.image(tag));
  return { ...image, blob };
}

/** Forgets every hint: the archives alone are the truth. */
async function dropHints({ index }: Storage): Promise<void> {
  for await (const { name } of index.listBlobsFlat()) await index.deleteBlob(name);
}

/** From now on the registry refuses, or is not there. */
function outage(status = 503, { registry } = rig): void {
  registry.misbehave = (_, response) => {
    response.writeHead(status, { 'retry-after': '60' }).end();
    return true;
  };
}

async function setLastUsed(context: CacheContext, blob: string, lastused: string): Promise<void> {
  const client = context.storage.images.getBlobClient(blob);
  const { metadata } = await client.getProperties();
  await client.setMetadata({ ...metadata, lastused });
}

const noRuns = new RecordedRuns();

describe('finding an image', () => {
  it('needs no hint: by tag, by manifest, by index', async () => {
    const name = repository();
    const amd64 = {
      ...rig.registry.push(undefined, { layers: [Buffer.from(name)] }),
      platform: AMD64,
    };
    const index = rig.registry.pushIndex(`${name}:1`, [amd64]);
    const { blob } = await runActivities(rig.context, rig.image(`${name}:1`));
    const references = [`${name}:1`, `${name}@${amd64.digest}`, `${name}@${index}`, `${name}:1@${index}`];
    for (const round of ['with hints', 'without']) {
      for (const reference of references) {
        const { ref, platform } = rig.request(rig.image(reference));
        const found = await findImage(rig.context.storage, ref, platform);
        assert.equal(found.cached?.blob, blob, `${reference} ${round}`);
      }
      await dropHints(rig.context.storage);
    }
    for (const other of [`${name}:2`, `${name}2:1`, `${name}@${sha256Of('another')}`]) {
      const { ref, platform } = rig.request(rig.image(other));
      assert.equal((await findImage(rig.context.storage, ref, platform)).cached, undefined, other);
    }
  });

  it('takes the newest of a tag where there is no hint', async () => {
    const tag = `${repository()}:1`;
    const old = await cached(tag, 'old');
    await setLastUsed(rig.context, old.blob, '2020-01-01T00:00:00Z');
    const client = rig.context.storage.images.getBlobClient(old.blob);
    const { metadata } = await client.getProperties();
    await client.setMetadata({ ...metadata, createdat: '2020-01-01T00:00:00Z' });
    const fresh = await cached(tag, 'new');
    await dropHints(rig.context.storage);
    const { ref } = rig.request(rig.image(tag));
    const found = await findImage(rig.context.storage, ref, AMD64);
    assert.equal(found.cached?.blob, fresh.blob);
    assert.equal(found.digest, fresh.digest);
  });

  it('does not give the image of a repository below the one that is asked for', async () => {
    const name = repository();
    const amd64 = { ...rig.registry.push(undefined), platform: AMD64 };
    const index = rig.registry.pushIndex(`${name}/mirror:1`, [amd64]);
    const mirror = await runActivities(rig.context, rig.image(`${name}/mirror:1`));
    await dropHints(rig.context.storage);
    const { ref } = rig.request(rig.image(`${name}@${index}`));
    assert.equal((await findImage(rig.context.storage, ref, AMD64)).cached, undefined);
    const other = rig.request(rig.image(`${name}/mirror@${index}`));
    assert.equal((await findImage(rig.context.storage, other.ref, AMD64)).cached?.blob, mirror.blob);
  });

  it('does not give an archive to a platform that it does not run on', async () => {
    const tag = `${repository()}:1`;
    const { digest } = await cached(tag);
    for (const reference of [rig.image(tag), `${rig.image(tag)}@${digest}`]) {
      const { ref } = rig.request(reference);
      assert.equal((await findImage(rig.context.storage, ref, ARM64)).cached, undefined);
      assert.ok((await findImage(rig.context.storage, ref, AMD64)).cached);
    }
  });

  it('survives hints that lead nowhere', async () => {
    const tag = `${repository()}:1`;
    const { digest, blob } = await cached(tag);
    const { ref } = rig.request(rig.image(tag));
    const nowhere = `sha256:${'0'.repeat(64)}` as const;
    await writeManifestOf(rig.context.storage, ref, nowhere, AMD64, nowhere);
    await writeTag(rig.context.storage, ref, '1', nowhere);
    assert.deepEqual(await findImage(rig.context.storage, ref, AMD64), {
      digest: nowhere,
      cached: undefined,
    });
    const byDigest = await findImage(rig.context.storage, { ...ref, digest }, AMD64);
    assert.equal(byDigest.cached?.blob, blob);
  });
});

describe('ensuring an image', () => {
  it('starts a run for one that is not cached, and none for one that is', async () => {
    const tag = `${repository()}:1`;
    const { digest } = rig.registry.push(tag, { layers: [Buffer.from(tag)] });
    const request = rig.request(rig.image(tag));
    const runs = new RecordedRuns();
    const view = await ensureImage(rig.context, runs, request);
    assert.equal(view.state, 'pending');
    const id = runId({ ...request.ref, digest }, AMD64);
    assert.match(id, /^[0-9a-f]{64}$/);
    assert.deepEqual(
      [...runs.started],
      [[id, { image: `${rig.image(tag)}@${digest}`, platform: 'linux/amd64', maxWaitHours: 7 }]],
    );

    await runActivities(rig.context, rig.image(tag));
    const none = new RecordedRuns();
    const ready = await ensureImage(rig.context, none, request);
    assert.equal(ready.state, 'ready');
    assert.equal(ready.manifestDigest, digest);
    assert.equal(ready.tagAs, rig.image(tag));
    assert.equal(none.started.size, 0);
  });

  it('meets under one id, however the image is written', () => {
    const digest = `sha256:${'1'.repeat(64)}`;
    const ids = [
      `ubuntu@${digest}`,
      `ubuntu:24.04@${digest}`,
      `docker.io/library/ubuntu:22.04@${digest}`,
    ].map((image) => runId(rig.request(image).ref, AMD64));
    assert.equal(new Set(ids).size, 1);
    const others = [
      runId(rig.request('ubuntu:24.04').ref, AMD64),
      runId(rig.request(`ubuntu@${digest}`).ref, ARM64),
      runId(rig.request(`debian@${digest}`).ref, AMD64),
    ];
    assert.equal(new Set([...ids, ...others]).size, 4);
  });

  it('asks a registry once for a burst of requests', async () => {
    const tag = `${repository()}:1`;
    rig.registry.push(tag);
    const before = rig.registry.asked('HEAD', 'manifests').length;
    const runs = new RecordedRuns();
    const request = rig.request(rig.image(tag));
    await Promise.all(Array.from({ length: 20 }, () => ensureImage(rig.context, runs, request)));
    assert.equal(rig.registry.asked('HEAD', 'manifests').length - before, 1);
    assert.equal(runs.started.size, 1);
    // The next one asks again: a tag may move.
    await ensureImage(rig.context, runs, request);
    assert.equal(rig.registry.asked('HEAD', 'manifests').length - before, 2);
  });

  it('asks no registry for a digest that is cached', async () => {
    const tag = `${repository()}:1`;
    const { digest } = await cached(tag);
    outage();
    const view = await ensureImage(rig.context, noRuns, rig.request(`${rig.image(tag)}@${digest}`));
    assert.deepEqual([view.state, view.stale], ['ready', undefined]);
  });

  it('follows a tag that has moved', async () => {
    const tag = `${repository()}:1`;
    const old = await cached(tag, 'old');
    const moved = rig.registry.push(tag, { layers: [Buffer.from('new')] });
    const runs = new RecordedRuns();
    const request = rig.request(rig.image(tag));
    assert.equal((await ensureImage(rig.context, runs, request)).state, 'pending');
    assert.equal([...runs.started.values()][0]?.image, `${rig.image(tag)}@${moved.digest}`);
    assert.equal((await describeImage(rig.context, runs, request)).state, 'pending');
    await runActivities(rig.context, rig.image(tag));
    const view = await ensureImage(rig.context, runs, request);
    assert.deepEqual([view.state, view.manifestDigest], ['ready', moved.digest]);
    // The old one is still there for whoever asks by digest.
    const before = await describeImage(rig.context, runs, rig.request(`${rig.image(tag)}@${old.digest}`));
    assert.equal(before.blob, old.blob);
  });

  it('serves what it has, marked stale, where the registry does not answer', async () => {
    const tag = `${repository()}:1`;
    const { digest } = await cached(tag);
    outage();
    const view = await ensureImage(rig.context, noRuns, rig.request(rig.image(tag)));
    assert.deepEqual([view.state, view.stale, view.manifestDigest], ['ready', true, digest]);
  });
});

describe('ensuring an image that can not be had', () => {
  // A registry of its own: the client leaves one alone that limited it.
  let other: Rig;
  before(async () => (other = await startRig()));
  after(() => other.close());

  for (const [status, code] of [
    [404, 'image_not_found'],
    [401, 'registry_denied'],
    [403, 'registry_denied'],
  ] as const) {
    it(`says ${code} at once where the registry answers ${status}, and starts nothing`, async () => {
      other.registry.misbehave = (_, response) => {
        response.writeHead(status).end();
        return true;
      };
      const runs = new RecordedRuns();
      await assert.rejects(ensureImage(other.context, runs, other.request(other.image('team/none:1'))), {
        code,
      });
      assert.equal(runs.started.size, 0);
    });
  }

  it('does not wait for a registry that does not say: the run does', async (t) => {
    other.registry.misbehave = () => true;
    const timeout = AbortSignal.timeout.bind(AbortSignal);
    t.mock.method(AbortSignal, 'timeout', () => timeout(100));
    const runs = new RecordedRuns();
    const view = await ensureImage(other.context, runs, other.request(other.image('team/silent:1')));
    assert.equal(view.state, 'pending');
    assert.equal(runs.started.size, 1);
  });

  for (const [what, status] of [
    ['is down', 503],
    ['limits pulls', 429],
  ] as const) {
    it(`starts a run that waits where a registry ${what} and nothing is cached`, async () => {
      const image = other.image(`${repository()}:1`);
      outage(status, other);
      const runs = new RecordedRuns();
      const view = await ensureImage(other.context, runs, other.request(image));
      assert.equal(view.state, 'pending');
      assert.deepEqual([...runs.started.values()], [{ image, platform: 'linux/amd64', maxWaitHours: 7 }]);
      // Whoever asks for its state finds it, though its digest is not known.
      assert.equal((await describeImage(other.context, runs, other.request(image))).state, 'pending');
    });
  }

  it('from a registry that is not allowed says so', async () => {
    const context = other.context;
    await assert.rejects(ensureImage(context, noRuns, other.request('127.0.0.1:1/team/x:1')), {
      code: 'registry_not_allowed',
    });
  });
});

describe('describing an image', () => {
  it('tells what its run is about, with bytes counted where they lie', async () => {
    const tag = `${repository()}:1`;
    const { digest } = rig.registry.push(tag);
    const request = rig.request(`${rig.image(tag)}@${digest}`);
    const runs = new RecordedRuns();
    const id = runId(request.ref, AMD64);
    assert.equal((await describeImage(rig.context, runs, request)).state, 'absent');

    const blob = `progress/${tag}.tar`;
    const progress = { phase: 'copying', run: 'aaaaaaaa', blob, totalBytes: 100 } as const;
    runs.states.set(id, { state: 'pending', progress });
    const block = Buffer.from('00000.aaaaaaaa.11111111').toString('base64');
    await rig.context.storage.images.getBlockBlobClient(blob).stageBlock(block, 'x'.repeat(42), 42);
    assert.deepEqual((await describeImage(rig.context, runs, request)).progress, {
      phase: 'copying',
      stagedBytes: 42,
      totalBytes: 100,
    });

    const error = new CacheError('digest_mismatch', 'Layer 1 is corrupt.').toFailure();
    runs.states.set(id, { state: 'failed', error });
    const failed = await describeImage(rig.context, runs, request);
    assert.deepEqual([failed.state, failed.error], ['failed', error]);

    // It ran well, and was deleted since.
    runs.states.set(id, { state: 'succeeded' });
    assert.equal((await describeImage(rig.context, runs, request)).state, 'absent');
  });
});

describe('asking for a tag at a registry that refuses HEAD', () => {
  it('keeps the manifest under its own type, whatever the registry calls it', async () => {
    const tag = `${repository()}:1`;
    const { digest, manifest } = rig.registry.push(tag);
    rig.registry.misbehave = ({ method, url }, response) => {
      if (!url.includes('/manifests/')) return false;
      if (method === 'HEAD') response.writeHead(405).end();
      else response.writeHead(200, { 'content-type': 'text/plain' }).end(manifest);
      return true;
    };
    assert.equal(
      (await ensureImage(rig.context, new RecordedRuns(), rig.request(rig.image(tag)))).state,
      'pending',
    );
    const kept = await readDocument(rig.context.storage, digest);
    const { mediaType } = JSON.parse(Buffer.from(kept?.bytes ?? '').toString()) as { mediaType: string };
    assert.equal(kept?.mediaType, mediaType);
  });
});

describe('describing an image that is committed this very moment', () => {
  it('never goes back to nothing staged', async () => {
    const tag = `${repository()}:1`;
    const { digest } = rig.registry.push(tag);
    const image = `${rig.image(tag)}@${digest}`;
    // Between the look for the archive and the count of its blocks, which a commit takes away.
    const status = async () => {
      const { blob, totalBytes } = await runActivities(rig.context, image);
      const progress = { phase: 'committing', run: 'aaaaaaaa', blob, totalBytes } as const;
      return { state: 'pending', progress } as const;
    };
    const runs = { start: () => Promise.resolve(), status };
    assert.equal((await describeImage(rig.context, runs, rig.request(image))).state, 'ready');
  });
});

describe('looking an image up', () => {
  it('gives a URL that reads the archive, and asks no registry', async () => {
    const tag = `${repository()}:1`;
    const { blob } = await cached(tag);
    outage();
    const view = await lookupImage(rig.context, noRuns, rig.request(rig.image(tag)), 0);
    assert.deepEqual([view.state, view.blob], ['ready', blob]);
    const answer = await fetch(view.url ?? '');
    assert.equal((await answer.arrayBuffer()).byteLength, view.size);
    const end = new URL(view.url ?? '').searchParams.get('se');
    assert.equal(view.urlExpires, end);
  });

  it('stamps lastused, at most once in LASTUSED_RESOLUTION_SECONDS', async () => {
    const tag = `${repository()}:1`;
    const { blob } = await cached(tag);
    const lookup = async (seconds: number): Promise<string | undefined> => {
      const { config, storage, registry } = rig.context;
      const context = { config: { ...config, lastUsedResolutionSeconds: seconds }, storage, registry };
      const view = await lookupImage(context, noRuns, rig.request(rig.image(tag)), 0);
      const kept = await readArchive(storage, blob);
      assert.equal(view.lastUsed, kept?.lastUsed);
      return kept?.lastUsed;
    };
    const ago = (seconds: number): string => isoSeconds(new Date(Date.now() - seconds * 1000));
    const recent = ago(1800);
    await setLastUsed(rig.context, blob, recent);
    assert.equal(await lookup(3600), recent);
    assert.ok(((await lookup(900)) ?? '') > recent);
    const again = ago(2);
    await setLastUsed(rig.context, blob, again);
    assert.ok(((await lookup(0)) ?? '') > again);
  });

  it('says what is missing, what failed, and what is under way', async () => {
    const tag = `${repository()}:1`;
    const request = rig.request(rig.image(tag));
    const runs = new RecordedRuns();
    await assert.rejects(lookupImage(rig.context, runs, request, 0), {
      code: 'image_not_cached',
      message: /POST \/api\/images/,
    });
    const id = runId(request.ref, AMD64);
    runs.states.set(id, { state: 'pending' });
    assert.equal((await lookupImage(rig.context, runs, request, 0)).state, 'pending');
    runs.states.set(id, {
      state: 'failed',
      error: new CacheError('registry_denied', 'It wants a password.').toFailure(),
    });
    await assert.rejects(lookupImage(rig.context, runs, request, 0), {
      code: 'image_cache_failed',
      message: /It wants a password\./,
    });
  });

  it('waits for an image that is on its way', async () => {
    const tag = `${repository()}:1`;
    rig.registry.push(tag);
    const request = rig.request(rig.image(tag));
    const runs = new RecordedRuns();
    await ensureImage(rig.context, runs, request);
    const waiting = lookupImage(rig.context, runs, request, 20);
    await runActivities(rig.context, rig.image(tag));
    assert.equal((await waiting).state, 'ready');
  });
});

describe('removing an image', () => {
  it('deletes its archive, once', async () => {
    const tag = `${repository()}:1`;
    const { blob } = await cached(tag);
    const request = rig.request(rig.image(tag));
    assert.equal((await removeImage(rig.context, request)).state, 'absent');
    assert.equal(await readArchive(rig.context.storage, blob), undefined);
    await assert.rejects(removeImage(rig.context, request), { code: 'image_not_cached' });
    // And it can come back.
    await runActivities(rig.context, rig.image(tag));
    assert.equal((await describeImage(rig.context, noRuns, request)).state, 'ready');
  });
});

describe('prune', () => {
  const NOW = new Date('2026-06-30T12:00:00Z');
  const daysAgo = (days: number): string => isoSeconds(new Date(NOW.getTime() - days * 24 * 3600 * 1000));

  /** Archives on containers of their own, by when each was used last. */
  async function archives(used: Readonly<Record<string, string>>): Promise<CacheContext> {
    const context = await rig.with({ PRUNE_AFTER_DAYS: '30' });
    for (const [name, lastused] of Object.entries(used)) {
      const tag = `prune/${name}:1`;
      rig.registry.push(tag, { layers: [Buffer.from(name)] });
      const { blob } = await runActivities(context, rig.image(tag), SMALL);
      await setLastUsed(context, blob, lastused);
    }
    return context;
  }

  const named = (images: readonly { readonly blob: string }[]): string[] =>
    images.map(({ blob }) => /prune\/(\w+)\//.exec(blob)?.[1] ?? blob);

  it('deletes what was not used for PRUNE_AFTER_DAYS, and nothing else', async () => {
    const context = await archives({ old: daysAgo(31), edge: daysAgo(30), fresh: daysAgo(1) });
    await context.storage.images.getBlockBlobClient('foreign.txt').upload('x', 1);
    const report = await pruneImages(context, NOW);
    assert.deepEqual([named(report.deleted), report.kept], [['old'], 2]);
    assert.deepEqual((await pruneImages(context, NOW)).deleted, []);
    assert.equal(await context.storage.images.getBlobClient('foreign.txt').exists(), true);
  });

  it('leaves an image that is used between being listed and being deleted', async (t) => {
    const context = await archives({ used: daysAgo(90), unused: daysAgo(90) });
    const { images } = context.storage;
    const getBlobClient = images.getBlobClient.bind(images);
    t.mock.method(images, 'getBlobClient', (blob: string) => {
      const client = getBlobClient(blob);
      if (!blob.includes('/used/')) return client;
      const remove = client.delete.bind(client);
      client.delete = async (options) => {
        // At the last moment, a node looks it up.
        client.delete = remove;
        const image = (await readArchive(context.storage, blob)) ?? assert.fail();
        await touchArchive(context.storage, image, NOW);
        return remove(options);
      };
      return client;
    });
    const report = await pruneImages(context, NOW);
    assert.deepEqual([named(report.deleted), report.kept], [['unused'], 1]);
  });
});
