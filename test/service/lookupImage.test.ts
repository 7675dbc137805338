import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { CacheError } from '../../src/errors.ts';
import { sha256Of } from '../../src/image/digest.ts';
import { runId } from '../../src/runs/messages.ts';
import { ensureImage } from '../../src/service/ensureImage.ts';
import { lookupImage } from '../../src/service/lookupImage.ts';
import { isoSeconds } from '../../src/store/archive/archiveMetadata.ts';
import { readArchive } from '../../src/store/archive/archives.ts';
import { AMD64 } from '../runs/support/loopbackRegistry.ts';
import { storageCalls } from '../support/storageCalls.ts';
import { RecordedRuns, type Rig, runActivities, setLastUsed, startRig } from '../runs/support/rig.ts';

let rig: Rig;
before(async () => (rig = await startRig()));
after(() => rig.close());
afterEach(() => {
  rig.registry.misbehave = () => false;
});

const noRuns = new RecordedRuns();

describe('looking an image up', () => {
  it('gives a URL that reads the archive, and asks no registry', async () => {
    const tag = `${rig.repository()}:1`;
    const { blob } = await rig.cache(tag);
    rig.outage();
    const view = await lookupImage(rig.context, noRuns, rig.request(rig.image(tag)), 0);
    assert.ok(view.state === 'ready');
    assert.equal(view.cached.blob, blob);
    const answer = await fetch(view.url);
    assert.equal((await answer.arrayBuffer()).byteLength, view.cached.size);
    const end = new URL(view.url).searchParams.get('se');
    assert.equal(isoSeconds(view.urlExpires), end);
  });

  it('stamps lastused, at most once in LASTUSED_RESOLUTION_SECONDS', async () => {
    const tag = `${rig.repository()}:1`;
    const { blob } = await rig.cache(tag);
    const lookup = async (seconds: number): Promise<string | undefined> => {
      const { config, storage } = rig.context;
      const context = { ...rig.context, config: { ...config, lastUsedResolutionSeconds: seconds } };
      const view = await lookupImage(context, noRuns, rig.request(rig.image(tag)), 0);
      const kept = await readArchive(storage, blob);
      assert.equal(view.state === 'ready' && view.cached.lastUsed, kept?.lastUsed);
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
    const tag = `${rig.repository()}:1`;
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
    const tag = `${rig.repository()}:1`;
    rig.registry.push(tag);
    const request = rig.request(rig.image(tag));
    const runs = new RecordedRuns();
    await ensureImage(rig.context, runs, request);
    const waiting = lookupImage(rig.context, runs, request, 20);
    await runActivities(rig.context, rig.image(tag));
    assert.equal((await waiting).state, 'ready');
  });

  it('costs one call by digest, two by tag, and one more for a stamp', async () => {
    const tag = `${rig.repository()}:1`;
    const { digest, blob } = await rig.cache(tag);
    const calls = async (image: string, seconds: number): Promise<readonly string[]> => {
      const config = { ...rig.context.config, lastUsedResolutionSeconds: seconds };
      return storageCalls(rig.server.connectionString, () =>
        lookupImage({ ...rig.context, config }, noRuns, rig.request(image), 0),
      );
    };
    const { containerName } = rig.context.storage.images;
    const byDigest = `${rig.image(tag)}@${digest}`;
    assert.deepEqual(await calls(byDigest, 3600), [`HEAD ${containerName}/${blob}`]);
    assert.deepEqual(await calls(byDigest, 0), [
      `HEAD ${containerName}/${blob}`,
      `PUT metadata ${containerName}/${blob}`,
    ]);
    assert.deepEqual(
      (await calls(rig.image(tag), 3600)).map((call) => call.split(' ')[0]),
      ['GET', 'HEAD'],
    );
  });

  it('that waits lists no folder, and counts blocks once, for its answer', async () => {
    const { ref, ...request } = rig.request(`${rig.image(rig.repository())}@${sha256Of('pending')}`);
    const runs = new RecordedRuns();
    const progress = { phase: 'copying', run: 'aaaaaaaa', blob: 'team/x.tar', totalBytes: 9 } as const;
    runs.states.set(runId(ref, request.platform), { state: 'pending', progress });
    const calls = await storageCalls(rig.server.connectionString, async () => {
      const found = await lookupImage(rig.context, runs, { ...request, ref }, 3);
      assert.deepEqual(found, { state: 'pending', progress, stagedBytes: 0 });
    });
    assert.deepEqual(
      calls.filter((call) => call.startsWith('GET list')),
      [],
    );
    assert.equal(calls.filter((call) => call.startsWith('GET blocklist')).length, 1);
    assert.ok(calls.length >= 6, 'it polled');
  });
});
