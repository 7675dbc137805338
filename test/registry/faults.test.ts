import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CacheError, isErrorCode } from '../../src/errors.ts';
import { matchesDigest } from '../../src/image/digest.ts';
import { parseReference } from '../../src/image/reference.ts';
import { RegistryClient, type RegistryEvent } from '../../src/registry/client.ts';
import { removeDirectory, temporaryDirectory } from '../support/process.ts';
import { type Registry, startRegistry } from '../support/registry.ts';
import { requireTools } from '../support/tools.ts';
import { type FaultKind, type FaultPlan, FAULTS, startFaultProxy } from './support/faultProxy.ts';
import { Random } from './support/random.ts';
import { push, type SampleImage, sampleImage } from './support/samples.ts';
import type { TestServer } from './support/server.ts';
import { startStorage } from './support/storage.ts';

/** FAULT_PULLS=10000 for a long run, FAULT_SEED to see one again. */
const PULLS = Number(process.env.FAULT_PULLS ?? 1000);
const FIRST_SEED = Number(process.env.FAULT_SEED ?? 1);
const CONCURRENT_PULLS = 8;
/** A pull that takes longer hangs: the sum of all its waits is a fraction of this. */
const HANG_MS = 60_000;
const TIMING = {
  attempts: 5,
  backoffFirstMs: 1,
  backoffMaxMs: 4,
  connectMs: 2_000,
  headersMs: 900,
  stallMs: 60,
  documentMs: 300,
  longestWaitMs: 50,
};

const skip = requireTools('docker-registry', 'openssl', 'perl');

/** As a copier does: a layer in reads of some size, some at once where the reader allows it. */
async function readLayer(
  client: RegistryClient,
  reference: string,
  image: SampleImage,
  index: number,
  random: Random,
): Promise<Buffer> {
  const descriptor = image.layerDescriptors[index];
  assert.ok(descriptor !== undefined);
  const { size, digest } = descriptor;
  const reader = await client.openBlob(parseReference(reference), descriptor, { start: 0, end: size });
  try {
    const step = random.between(Math.ceil(size / 5), size + 1);
    const read = async (start: number): Promise<Buffer> => {
      const end = Math.min(size, start + step);
      const chunks: Uint8Array[] = [];
      for await (const chunk of reader.read(start, end)) {
        chunks.push(chunk);
        if (random.chance(0.05)) await sleep(1);
      }
      const bytes = Buffer.concat(chunks);
      assert.equal(bytes.length, end - start, 'a read gives exactly its bytes');
      return bytes;
    };
    const starts = Array.from({ length: Math.ceil(size / step) }, (_, at) => at * step);
    const parts: Buffer[] = [];
    if (reader.parallel) parts.push(...(await Promise.all(starts.map(read))));
    else for (const start of starts) parts.push(await read(start));
    const bytes = Buffer.concat(parts);
    // The copier's part: what the reader cannot know before the last byte.
    if (!matchesDigest(bytes, digest)) throw new CacheError('digest_mismatch', `${digest} does not match.`);
    return bytes;
  } finally {
    reader.close();
  }
}

describe('a hostile network', { skip }, () => {
  let directory: string;
  let storage: TestServer;
  let direct: Registry;
  let redirecting: Registry;
  const images = [
    [40_000, 300, 9_000],
    [1, 70_000, 150_000],
    [300_000, 0, 20_000],
  ].map(sampleImage);

  before(async () => {
    directory = await temporaryDirectory('faults');
    const dataDirectory = path.join(directory, 'data');
    await mkdir(dataDirectory);
    storage = await startStorage(dataDirectory);
    direct = await startRegistry({ dataDirectory });
    const toStorage = [{ name: 'redirect', options: { baseurl: storage.origin } }];
    redirecting = await startRegistry({ dataDirectory, config: { middleware: { storage: toStorage } } });
    for (const [index, image] of images.entries()) await push(direct, 'team/sample', String(index), image);
  });
  after(async () => {
    for (const one of [direct, redirecting, storage]) await one.close();
    await removeDirectory(directory);
  });

  async function pull(client: RegistryClient, host: string, tag: number, random: Random): Promise<void> {
    const image = images[tag];
    assert.ok(image !== undefined);
    const reference = `${host}/team/sample:${tag}`;
    const ref = parseReference(reference);
    const head = await client.headManifest(ref);
    assert.equal(head.digest, image.manifestDigest);
    const fetched = await client.getManifest(ref, head.digest);
    assert.deepEqual(Buffer.from(fetched.bytes), image.manifest);
    assert.deepEqual(Buffer.from(await client.getBlob(ref, image.configDescriptor)), image.config);
    for (const [index, layer] of image.layers.entries()) {
      const bytes = await readLayer(client, reference, image, index, random);
      assert.ok(bytes.equals(layer), 'what matches its digest is what was pushed');
    }
  }

  /** Pulls one image after the other through its own proxies, so that one seed means one course of events. */
  async function pullSeeds(seeds: Iterator<number>, tally: Tally): Promise<void> {
    let plan: FaultPlan = { random: new Random(0), rate: 0 };
    const storageProxy = await startFaultProxy(storage.origin, () => plan);
    const directProxy = await startFaultProxy(direct.url, () => plan);
    const redirectingProxy = await startFaultProxy(redirecting.url, () => plan, storageProxy.origin);
    const proxies = [storageProxy, directProxy, redirectingProxy];
    for (let next = seeds.next(); next.done !== true; next = seeds.next()) {
      const random = new Random(next.value);
      plan = { random, rate: random.next() * 0.5 };
      const client = new RegistryClient({
        allowedRegistries: [],
        insecureRegistries: proxies.map(({ host }) => host),
        timing: TIMING,
        log: (event) => tally.note(event),
      });
      const { host } = random.chance(0.5) ? directProxy : redirectingProxy;
      const work = pull(client, host, random.between(0, images.length), random).then(
        () => 'identical',
        (error: unknown) => {
          if (error instanceof CacheError && isErrorCode(error.code)) return error.code;
          throw new Error(`seed ${next.value}`, { cause: error });
        },
      );
      const outcome = await Promise.race([work, sleep(HANG_MS, 'hang', { ref: false })]);
      await client.close();
      assert.notEqual(outcome, 'hang', `seed ${next.value} hangs`);
      tally.outcome(outcome);
    }
    for (const proxy of proxies) {
      tally.faults(proxy.injected);
      await proxy.close();
    }
  }

  it(
    `ends each of ${PULLS} pulls in the right bytes or in a clear error`,
    { timeout: 600_000 },
    async (t) => {
      const tally = new Tally();
      const seeds = Array.from({ length: PULLS }, (_, index) => FIRST_SEED + index).values();
      await Promise.all(Array.from({ length: CONCURRENT_PULLS }, () => pullSeeds(seeds, tally)));
      const { outcomes, injected, resumes, reread } = tally;
      t.diagnostic(`outcomes: ${JSON.stringify(Object.fromEntries(outcomes))}`);
      t.diagnostic(`injected: ${JSON.stringify(Object.fromEntries(injected))}`);
      t.diagnostic(`${resumes} resumes, ${reread} bytes re-read`);
      // Two tokens refused in a row, which a fault can look like, are a registry's last word.
      const allowed = [
        'identical',
        'registry_denied',
        'digest_mismatch',
        'registry_throttled',
        'registry_unavailable',
      ];
      assert.deepEqual(
        [...outcomes.keys()].filter((outcome) => !allowed.includes(outcome)),
        [],
      );
      if (PULLS < 500) return;
      assert.deepEqual(
        FAULTS.filter((kind) => !injected.has(kind)),
        [],
        'each kind of fault was met',
      );
      assert.ok((outcomes.get('identical') ?? 0) > PULLS / 3, 'many pulls survive');
    },
  );
});

class Tally {
  readonly outcomes = new Map<string, number>();
  readonly injected = new Map<FaultKind, number>();
  resumes = 0;
  reread = 0;

  note(event: RegistryEvent): void {
    if (event.type !== 'resume') return;
    this.resumes += 1;
    this.reread += event.reread;
  }

  outcome(name: string): void {
    this.outcomes.set(name, (this.outcomes.get(name) ?? 0) + 1);
  }

  faults(injected: ReadonlyMap<FaultKind, number>): void {
    for (const [kind, count] of injected) this.injected.set(kind, (this.injected.get(kind) ?? 0) + count);
  }
}
