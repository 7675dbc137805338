import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CacheError } from '../../src/errors.ts';
import { matchesDigest } from '../../src/image/digest.ts';
import type { Descriptor } from '../../src/image/manifest.ts';
import { type ImageReference, parseReference } from '../../src/image/reference.ts';
import { RegistryClient } from '../../src/registry/client.ts';
import { requireTools } from '../support/tools.ts';
import { clientSettings } from './support/clientSettings.ts';
import { FAULTS } from './support/faultProxy.ts';
import {
  type FaultyNetwork,
  IMPATIENT,
  type SeededPull,
  startFaultyNetwork,
} from './support/faultyNetwork.ts';
import type { Random } from './support/random.ts';

/** FAULT_PULLS=10000 for a longer run, 100 for a short one; FAULT_SEED to see one again. */
const PULLS = Number(process.env.FAULT_PULLS ?? 1000);
const FIRST_SEED = Number(process.env.FAULT_SEED ?? 1);

/** As a copier does: a layer in reads of some size, side by side where the reader allows it. */
async function readLayer(
  client: RegistryClient,
  ref: ImageReference,
  descriptor: Descriptor,
  random: Random,
): Promise<Buffer> {
  const { size, digest } = descriptor;
  const reader = await client.openBlob(ref, descriptor, { start: 0, end: size });
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

async function pull({ reference, image, random, insecureRegistries, log }: SeededPull): Promise<void> {
  const client = new RegistryClient({
    ...clientSettings({ insecure: insecureRegistries }),
    timing: IMPATIENT,
    log,
  });
  try {
    const ref = parseReference(reference);
    const { digest } = await client.resolveManifest(ref);
    assert.equal(digest, image.manifestDigest);
    const fetched = await client.getManifest(ref, digest);
    assert.deepEqual(Buffer.from(fetched.bytes), image.manifest);
    assert.deepEqual(Buffer.from(await client.getBlob(ref, image.configDescriptor)), image.config);
    for (const [index, descriptor] of image.layerDescriptors.entries()) {
      const bytes = await readLayer(client, ref, descriptor, random);
      assert.ok(image.layers[index]?.equals(bytes), 'what matches its digest is what was pushed');
    }
  } finally {
    await client.close();
  }
}

describe('a hostile network', { skip: requireTools('docker-registry') }, () => {
  let network: FaultyNetwork;
  before(async () => {
    network = await startFaultyNetwork([
      [40_000, 300, 9_000],
      [1, 70_000, 150_000],
      [300_000, 0, 20_000],
    ]);
  });
  after(() => network.close());

  it(
    `ends each of ${PULLS} pulls in the right bytes or in a clear error`,
    { timeout: 900_000 },
    async (t) => {
      const tally = await network.pullSeeds(FIRST_SEED, PULLS, pull);
      t.diagnostic(tally.report());
      const { outcomes, injected } = tally;
      // Two tokens refused in a row, which a fault can look like, are a registry's last word.
      const allowed = [
        ...['identical', 'digest_mismatch', 'registry_denied'],
        ...['registry_throttled', 'registry_unavailable'],
      ];
      assert.deepEqual(
        [...outcomes.keys()].filter((outcome) => !allowed.includes(outcome)),
        [],
      );
      // One seed by itself may fail, and fewer pulls than these may miss a kind of fault.
      if (PULLS < 50) return;
      assert.ok((outcomes.get('identical') ?? 0) > PULLS / 3, 'many pulls survive');
      if (PULLS < 500) return;
      assert.deepEqual(
        FAULTS.filter((kind) => !injected.has(kind)),
        [],
        'each kind of fault was met',
      );
    },
  );
});
