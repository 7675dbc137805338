import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { runId } from '../../src/runs/messages.ts';
import { describeImage } from '../../src/service/describeImage.ts';
import { ensureImage } from '../../src/service/ensureImage.ts';
import { readDocument } from '../../src/store/hints/documents.ts';
import { AMD64, ARM64 } from '../runs/support/loopbackRegistry.ts';
import { storageCalls } from '../support/storageCalls.ts';
import { RecordedRuns, type Rig, runActivities, startRig } from '../runs/support/rig.ts';

let rig: Rig;
before(async () => (rig = await startRig()));
after(() => rig.close());
afterEach(() => {
  rig.registry.misbehave = () => false;
});

const noRuns = new RecordedRuns();

describe('ensuring an image', () => {
  it('starts a run for one that is not cached, and none for one that is', async () => {
    const tag = `${rig.repository()}:1`;
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
    assert.ok(ready.state === 'ready');
    assert.equal(ready.cached.manifestDigest, digest);
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
    const tag = `${rig.repository()}:1`;
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

  it('writes the alias of a tag when it changed, and not before', async () => {
    const tag = `${rig.repository()}:1`;
    rig.registry.push(tag, { layers: [Buffer.from('old')] });
    const aliasWrites = async (): Promise<number> => {
      const calls = await storageCalls(rig.server.connectionString, () =>
        ensureImage(rig.context, new RecordedRuns(), rig.request(rig.image(tag))),
      );
      return calls.filter((call) => call.startsWith('PUT') && call.includes('/_tags/')).length;
    };
    assert.deepEqual([await aliasWrites(), await aliasWrites()], [1, 0]);
    rig.registry.push(tag, { layers: [Buffer.from('new')] });
    assert.deepEqual([await aliasWrites(), await aliasWrites()], [1, 0]);
  });

  it('asks no registry for a digest that is cached', async () => {
    const tag = `${rig.repository()}:1`;
    const { digest } = await rig.cache(tag);
    rig.outage();
    const view = await ensureImage(rig.context, noRuns, rig.request(`${rig.image(tag)}@${digest}`));
    assert.ok(view.state === 'ready');
    assert.equal(view.stale, undefined);
  });

  it('follows a tag that has moved', async () => {
    const tag = `${rig.repository()}:1`;
    const old = await rig.cache(tag, 'old');
    const moved = rig.registry.push(tag, { layers: [Buffer.from('new')] });
    const runs = new RecordedRuns();
    const request = rig.request(rig.image(tag));
    assert.equal((await ensureImage(rig.context, runs, request)).state, 'pending');
    assert.equal([...runs.started.values()][0]?.image, `${rig.image(tag)}@${moved.digest}`);
    assert.equal((await describeImage(rig.context, runs, request)).state, 'pending');
    await runActivities(rig.context, rig.image(tag));
    const view = await ensureImage(rig.context, runs, request);
    assert.ok(view.state === 'ready');
    assert.equal(view.cached.manifestDigest, moved.digest);
    // The old one is still there for whoever asks by digest.
    const before = await describeImage(rig.context, runs, rig.request(`${rig.image(tag)}@${old.digest}`));
    assert.equal(before.state === 'ready' && before.cached.blob, old.blob);
  });

  it('serves what it has, marked stale, where the registry does not answer', async () => {
    const tag = `${rig.repository()}:1`;
    const { digest } = await rig.cache(tag);
    rig.outage();
    const view = await ensureImage(rig.context, noRuns, rig.request(rig.image(tag)));
    assert.ok(view.state === 'ready');
    assert.deepEqual([view.stale, view.cached.manifestDigest], [true, digest]);
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
      const image = other.image(`${rig.repository()}:1`);
      other.outage(status);
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

describe('asking for a tag at a registry that refuses HEAD', () => {
  it('keeps the manifest, whatever the registry calls it', async () => {
    const tag = `${rig.repository()}:1`;
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
    assert.deepEqual(kept?.bytes, manifest);
  });
});
