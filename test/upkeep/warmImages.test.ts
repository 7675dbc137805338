import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { WarmView } from '../../src/api/operatorViews.ts';
import { imageCache as runCommand } from '../cli/support/commands.ts';
import { type RunningApp, startApp } from '../functions/support/app.ts';
import { type AcrFront, startAcrFront } from '../registry/support/acrFront.ts';
import { push, sampleImage } from '../registry/support/samples.ts';
import type { RunStatus } from '../../src/runs/messages.ts';
import { warmImages } from '../../src/upkeep/warmImages.ts';
import { type Rig, setLastUsed, startRig } from '../runs/support/rig.ts';
import { eventually } from '../support/eventually.ts';
import { type Registry, startRegistry } from '../support/registry.ts';
import { requireTools } from '../support/tools.ts';

const LONG_AGO = '2026-01-01T00:00:00Z';

describe('keeping images ready', { skip: requireTools('docker-registry') }, () => {
  const user = { username: 'warmer', password: randomBytes(12).toString('hex') };
  let upstream: Registry;
  let front: AcrFront;
  let app: RunningApp;

  /** Updated on that day of 2026, in the order of calls. */
  async function update(repository: string, tag: string, day: number): Promise<void> {
    await push(upstream, repository, tag, sampleImage([2000]));
    front.touch(repository, tag, new Date(Date.UTC(2026, 0, day)));
  }

  before(async () => {
    upstream = await startRegistry();
    front = await startAcrFront(upstream.url, {
      entraTokens: new Set(),
      adminUser: { name: user.username, password: user.password },
    });
    for (const [tag, day] of [
      ['1.0', 9],
      ['1.1', 3],
      ['1.2-rc1', 20],
      ['1.2', 12],
      ['2.0', 30],
    ] as const)
      await update('team/tool', tag, day);
    for (const name of ['pipelines/align', 'pipelines/call', 'others/no']) await update(name, 'v1', 1);
    app = await startApp(1, {
      env: ([registry]) => ({
        INSECURE_REGISTRIES: [...(registry?.hosts ?? []), front.host].join(','),
        DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [front.host]: user } }),
        WARM_IMAGES: `${registry?.host ?? ''}/plain/first:1, ${registry?.host ?? ''}/plain/absent:1`,
        WARM_REPOSITORIES: [
          `${front.host}/team/tool:1.* newest=2 not=*-rc*`,
          `${front.host}/pipelines/*`,
          `${front.host}/team/unknown newest=5`,
        ].join('\n'),
      }),
    });
    app.registries[0]?.push('plain/first:1', { layers: [randomBytes(3000)] });
  });
  after(async () => {
    await app.close();
    await front.close();
    await upstream.close();
  });

  const cli = (...args: string[]) => runCommand(args, { env: { IMAGE_CACHE_URL: app.url } });
  async function warm(...args: string[]): Promise<WarmView> {
    const { code, stdout, stderr } = await cli('warm', '--json', ...args);
    // One image and one repository are not there.
    assert.equal(code, 1, stderr);
    return JSON.parse(stdout) as WarmView;
  }
  /** `team/tool:1.2` without its registry, with its state. */
  const states = ({ images }: WarmView): Record<string, string> =>
    Object.fromEntries(
      images.map(({ requested, state }) => [requested.slice(requested.indexOf('/') + 1), state]),
    );
  async function cached(): Promise<string[]> {
    const names: string[] = [];
    for await (const { name } of app.storage.images.listBlobsFlat()) names.push(name);
    return names.filter((name) => !name.startsWith('_'));
  }

  it('is rehearsed: the newest tags that match, and nothing is cached', async () => {
    const report = await warm('--dry-run');
    assert.deepEqual(states(report), {
      'plain/first:1': 'absent',
      'plain/absent:1': 'failed',
      'team/tool:1.2': 'absent',
      'team/tool:1.0': 'absent',
      'pipelines/align:v1': 'absent',
      'pipelines/call:v1': 'absent',
    });
    assert.ok(report.dryRun && report.complete);
    assert.equal(report.images[0]?.wantedBy, 'WARM_IMAGES');
    assert.equal(report.images[2]?.wantedBy, `${front.host}/team/tool:1.* newest=2 not=*-rc*`);
    assert.deepEqual(
      report.failures.map(({ wantedBy, error }) => [wantedBy, error.code]),
      [[`${front.host}/team/unknown newest=5`, 'image_not_found']],
    );
    assert.deepEqual(await cached(), []);
    const text = await cli('warm', '--dry-run');
    assert.match(text.stdout, /^0 ready, 5 would be cached, 1 failed$/m);
    assert.match(text.stderr, /plain\/absent:1 is not ready\. .*is not at/);
    assert.match(text.stderr, /team\/unknown newest=5" in WARM_REPOSITORIES/);
  });

  it('caches what is missing, and what is not there keeps no other back', async () => {
    assert.deepEqual(states(await warm()), {
      'plain/first:1': 'ready',
      'plain/absent:1': 'failed',
      'team/tool:1.2': 'ready',
      'team/tool:1.0': 'ready',
      'pipelines/align:v1': 'ready',
      'pipelines/call:v1': 'ready',
    });
    assert.equal((await cached()).length, 5);
    const event = app.log.find((line) => line.includes('"type":"warm"')) ?? assert.fail();
    assert.match(event, /"ready":5,"pending":0,"failed":1,"unlisted":1,"complete":true/);
    assert.ok(!app.log.some((line) => line.includes(user.password)), 'no secret in the log');
  });

  it('costs no pull where all is there, and counts as a use, so that prune leaves it', async () => {
    for (const blob of await cached()) await setLastUsed({ storage: app.storage }, blob, LONG_AGO);
    await upstream.forgetRequests();
    assert.equal(Object.values(states(await warm())).filter((state) => state === 'ready').length, 5);
    const asked = (await upstream.requests()).filter(({ path }) => /\/(manifests|blobs)\//.test(path));
    assert.ok(
      asked.every(({ method }) => method === 'HEAD'),
      JSON.stringify(asked),
    );
    const { stdout } = await cli('prune', '--json');
    assert.equal((JSON.parse(stdout) as { prunedCount: number }).prunedCount, 0);
  });

  it('leaves a use as it is in a rehearsal', async () => {
    const [blob = ''] = await cached();
    await setLastUsed({ storage: app.storage }, blob, LONG_AGO);
    assert.equal(Object.values(states(await warm('--dry-run'))).filter((s) => s === 'ready').length, 5);
    const { metadata } = await app.storage.images.getBlobClient(blob).getProperties();
    assert.equal(metadata?.lastused, LONG_AGO);
  });

  it('follows tags as they come and move, by the timer', async () => {
    await update('team/tool', '1.3', 40);
    await update('pipelines/call', 'v1', 41);
    assert.deepEqual(states(await warm('--dry-run')), {
      'plain/first:1': 'ready',
      'plain/absent:1': 'failed',
      'team/tool:1.3': 'absent',
      'team/tool:1.2': 'ready',
      'pipelines/align:v1': 'ready',
      'pipelines/call:v1': 'absent',
    });
    await fetch(`${app.url}/admin/functions/warm`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    const report = await eventually('the timer has warmed', async () => {
      const now = await warm('--dry-run');
      return Object.values(states(now)).includes('absent') ? undefined : now;
    });
    assert.equal(states(report)['team/tool:1.3'], 'ready');
    assert.equal((await cached()).length, 7, 'what is not wanted any more is prune’s');
  });

  it('takes no names from its caller', async () => {
    const { status, text } = await app.send('/api/warm', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"images": ["x"]}',
    });
    assert.equal(status, 400);
    assert.match(text, /WARM_IMAGES/);
  });
});

describe('keeping images ready, when it takes long', () => {
  let rig: Rig;
  before(async () => (rig = await startRig()));
  after(() => rig.close());

  const waiting: RunStatus = {
    state: 'pending',
    progress: {
      phase: 'waiting',
      run: 'r',
      waiting: { code: 'registry_throttled', detail: 'Too many.', until: '2999-01-01T00:00:00Z' },
    },
  };
  const runs = (status: RunStatus) => {
    const started: string[] = [];
    const start = (_id: string, { image }: { readonly image: string }): Promise<void> => {
      started.push(image);
      return Promise.resolve();
    };
    return { started, start, status: () => Promise.resolve(status) };
  };
  const images = (count: number): string[] =>
    Array.from({ length: count }, (_, at) => rig.push({ layers: [Buffer.from(`${at}`)] }).image);

  it('waits for no registry that has its images waiting', async () => {
    const context = await rig.with({ WARM_IMAGES: images(9).join(' ') });
    const play = runs(waiting);
    const report = await warmImages(context, play, Date.now() + 600_000);
    assert.deepEqual([report.complete, play.started.length], [true, 9]);
    assert.ok(report.images.every(({ found }) => found.state === 'pending'));
  });

  it('ends in time, with a few images on their way, and says that it is not all', async () => {
    const context = await rig.with({ WARM_IMAGES: images(9).join(' ') });
    const play = runs({ state: 'pending', progress: { phase: 'copying', run: 'r' } });
    const report = await warmImages(context, play, Date.now() + 3000);
    assert.deepEqual([report.complete, report.images.length, play.started.length], [false, 4, 4]);
  });
});
