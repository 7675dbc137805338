import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request as forward, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, describe, it } from 'node:test';
import { BLOCK_MEMORY_BYTES, BlockMemory } from '../../src/runs/blockMemory.ts';
import { COPY_TIMES, copyBlocks, type CopyContext } from '../../src/runs/copyBlocks.ts';
import type { CopiedStretch } from '../../src/runs/messages.ts';
import { RegistryClient } from '../../src/registry/client.ts';
import { connectStorage } from '../../src/store/storage.ts';
import { clientSettings } from '../registry/support/clientSettings.ts';
import { QUICK } from '../registry/support/fakeRegistry.ts';
import {
  commit,
  expectedArchive,
  resolve,
  type ResolvedRun,
  type Rig,
  startRig,
  storedArchive,
} from './support/rig.ts';

let rig: Rig;
before(async () => (rig = await startRig()));
after(() => rig.close());
afterEach(() => {
  rig.registry.misbehave = () => false;
  rig.registry.redirects = false;
});

const clients: RegistryClient[] = [];
after(() => Promise.all(clients.map((client) => client.close())));

/** As another worker has it, which has not heard whom to leave alone. */
function worker(timing = QUICK): CopyContext {
  const registry = new RegistryClient({
    ...clientSettings({ insecure: rig.registry.hosts }),
    timing,
  });
  clients.push(registry);
  return { ...rig.context, registry, blockMemory: new BlockMemory(BLOCK_MEMORY_BYTES) };
}

/** Bytes of the layer that each request of a blob asked for first. */
function starts(digest: string): number[] {
  return rig.registry.seen
    .filter(({ url }) => url.endsWith(digest))
    .map(({ headers }) => Number(/^bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0));
}

async function assertWhole(
  context: CopyContext,
  resolved: ResolvedRun,
  image: string,
  copied: CopiedStretch[],
): Promise<void> {
  await commit(context, resolved, copied);
  const archive = await storedArchive(context, resolved.planned.blob);
  assert.ok(archive.equals(await expectedArchive(rig, context, image)), 'other bytes');
}

describe('a layer that fails in its middle', () => {
  for (const [what, retryable, answer] of [
    ['throttled', true, 429],
    ['refused', false, 403],
  ] as const) {
    it(`because it is ${what} keeps what it has, and goes on from there`, async () => {
      const { image, layers } = rig.push({ layers: [randomBytes(60_000), randomBytes(700)] });
      const digest = layers[0]?.digest ?? assert.fail();
      const bytes = rig.registry.blobs.get(digest) ?? assert.fail();
      const resolved = await resolve(worker(), image);
      const { planned, stretches } = resolved;
      // As a layer whose first try failed: its progress can be saved.
      let broken = true;
      rig.registry.misbehave = ({ url, headers }, response) => {
        if (!url.endsWith(digest) || !broken) return false;
        if (headers.range !== undefined && !headers.range.startsWith('bytes=0-')) {
          response.writeHead(answer, { 'retry-after': '60' }).end();
          return true;
        }
        response.writeHead(200, { 'content-length': bytes.length });
        response.write(bytes.subarray(0, 30_000), () => setTimeout(() => response.destroy(), 50));
        return true;
      };
      const first = await copyBlocks(worker(), { planned, stretches });
      assert.equal(first.failure?.retryable, retryable, first.failure?.detail);
      // It was expected to be done at once, so nothing was saved; from now on everything is.
      const second = await copyBlocks(worker(), { planned, stretches: first.rest });
      const rest = second.rest.find(({ hashState }) => hashState !== undefined) ?? assert.fail();
      // Seven blocks: a header and 28,160 bytes. The small layer behind it may be done with this one or the one before.
      const large = second.done.filter(({ from }) => from < 17);
      assert.deepEqual(large, [{ from: 2, to: 9, attempt: large[0]?.attempt }]);
      assert.equal(rest.from, 9);
      broken = false;
      const before = starts(digest).length;
      const third = await copyBlocks(worker(), { planned, stretches: second.rest });
      assert.deepEqual([third.failure, third.rest], [undefined, []]);
      assert.deepEqual(starts(digest).slice(before), [7 * 4096 - 512]);
      await assertWhole(worker(), resolved, image, [...first.done, ...second.done, ...third.done]);
    });
  }

  it('takes nothing from the others of its activity, which are finished', async () => {
    const { image, layers } = rig.push({ layers: [randomBytes(300), randomBytes(400), randomBytes(500)] });
    const digest = layers[1]?.digest ?? assert.fail();
    rig.registry.misbehave = ({ url }, response) => {
      if (!url.endsWith(digest)) return false;
      response.writeHead(429, { 'retry-after': '60' }).end();
      return true;
    };
    const resolved = await resolve(worker(), image);
    const { planned, stretches } = resolved;
    const first = await copyBlocks(worker(), { planned, stretches });
    assert.equal(first.failure?.code, 'registry_throttled');
    assert.equal(first.failure.retryAfterSeconds, 60);
    assert.ok(first.done.length > 0 && first.rest.length > 0, JSON.stringify(first));
    rig.registry.misbehave = () => false;
    const second = await copyBlocks(worker(), { planned, stretches: first.rest });
    await assertWhole(worker(), resolved, image, [...first.done, ...second.done]);
  });
});

describe('an activity', () => {
  it('is broken off at its deadline, says so, and keeps what it has', async () => {
    const { image, layers } = rig.push({ layers: [randomBytes(300), randomBytes(9000)] });
    const digest = layers[1]?.digest ?? assert.fail();
    rig.registry.misbehave = ({ url }, response) => {
      if (!url.endsWith(digest)) return false;
      // A little, again and again: no stall.
      response.writeHead(200, { 'content-length': 9000 });
      const timer = setInterval(() => response.write('.'), 20);
      response.on('close', () => clearInterval(timer));
      return true;
    };
    const context = worker({ ...QUICK, stallMs: 60_000 });
    const resolved = await resolve(context, image);
    const { planned, stretches } = resolved;
    const times = { ...COPY_TIMES, deadlineMs: 1500 };
    const first = await copyBlocks(context, { planned, stretches }, times);
    assert.equal(first.failure?.code, 'registry_unavailable');
    assert.equal(first.failure.retryable, true);
    assert.match(first.failure.detail, /team\/image\d+.* within 0\.025 minutes/);
    assert.deepEqual(first.done, [{ from: 2, to: 3, attempt: first.done[0]?.attempt }]);
    assert.equal(context.blockMemory.used, 0, 'it keeps memory');
    rig.registry.misbehave = () => false;
    const second = await copyBlocks(worker(), { planned, stretches: first.rest });
    await assertWhole(context, resolved, image, [...first.done, ...second.done]);
  });
});

/** A server that is given requests before their bodies are read. */
async function serveRaw(
  listener: RequestListener,
): Promise<{ readonly host: string; readonly close: () => Promise<unknown> }> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      return once(server.close(), 'close');
    },
  };
}

describe('a storage that fails once in the middle of each block', () => {
  it('gets the same bytes again', async () => {
    const { connectionString, storage } = rig.server;
    const real = new URL(storage.service.url);
    const failed = new Set<string>();
    const flaky = await serveRaw((raw, response) => {
      const { method = '', url = '', headers } = raw;
      if (method === 'PUT' && url.includes('comp=block&') && !failed.has(url)) {
        failed.add(url);
        raw.once('data', () => response.writeHead(503).end());
        return;
      }
      const onward = forward(
        { host: real.hostname, port: real.port, method, path: url, headers },
        (answer) => {
          response.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(response);
        },
      );
      raw.pipe(onward);
    });
    try {
      const through = connectionString.replaceAll(real.host, flaky.host);
      const service = connectStorage(through);
      const images = service.getContainerClient(storage.images.containerName);
      const context = { ...worker(), storage: { ...storage, service, images } };
      const { image } = rig.push({ layers: [randomBytes(9000)] });
      const resolved = await resolve(context, image);
      const { done, failure } = await copyBlocks(context, {
        planned: resolved.planned,
        stretches: resolved.stretches,
      });
      assert.equal(failure, undefined);
      assert.ok(failed.size >= 3, `${failed.size} blocks failed`);
      await assertWhole(context, resolved, image, [...done]);
    } finally {
      await flaky.close();
    }
  });
});
