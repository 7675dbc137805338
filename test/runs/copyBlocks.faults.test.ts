import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startAzurite, type Azurite } from '../../local/azurite.ts';
import { BLOCK_MEMORY_BYTES, BlockMemory } from '../../src/runs/blockMemory.ts';
import type { CopyContext } from '../../src/runs/copyBlocks.ts';
import { loadConfig } from '../../src/config.ts';
import { RegistryClient } from '../../src/registry/client.ts';
import { RUN_PLANS } from '../../src/store/archive/runPlans.ts';
import { openStorage } from '../../src/store/storage.ts';
import { removeDirectory, temporaryDirectory } from '../support/process.ts';
import { runActivities } from './support/rig.ts';
import { requireTools } from '../support/tools.ts';
import { clientSettings } from '../registry/support/clientSettings.ts';
import {
  type FaultyNetwork,
  IMPATIENT,
  type SeededPull,
  startFaultyNetwork,
} from '../registry/support/faultyNetwork.ts';

/** FAULT_ARCHIVES=1000 for a long run, FAULT_SEED to see one again. */
const PULLS = Number(process.env.FAULT_ARCHIVES ?? 40);
const FIRST_SEED = Number(process.env.FAULT_SEED ?? 1);

describe('a hostile network, up to the archive', { skip: requireTools('docker-registry') }, () => {
  let directory: string;
  let azurite: Azurite;
  let network: FaultyNetwork;
  /** What each reference's archive is when nothing goes wrong. */
  const undisturbed = new Map<string, Promise<Buffer>>();

  before(async () => {
    directory = await temporaryDirectory('archives');
    azurite = await startAzurite(path.join(directory, 'azurite'));
    network = await startFaultyNetwork([
      [40_000, 300, 9_000],
      [1, 70_000, 150_000],
    ]);
  });
  after(async () => {
    await network.close();
    await azurite.close();
    await removeDirectory(directory);
  });

  /** A cache that has nothing yet. */
  async function emptyCache(name: string, one: SeededPull): Promise<CopyContext> {
    const config = loadConfig({ IMAGE_STORAGE: azurite.connectionString, IMAGE_CONTAINER: name });
    const { insecureRegistries, log } = one;
    return {
      config,
      storage: await openStorage(config.storage, name),
      registry: new RegistryClient({
        ...clientSettings({ insecure: insecureRegistries }),
        timing: IMPATIENT,
        log,
      }),
      blockMemory: new BlockMemory(BLOCK_MEMORY_BYTES),
    };
  }

  async function archiveOf(name: string, one: SeededPull): Promise<Buffer> {
    const context = await emptyCache(name, one);
    const { images } = context.storage;
    try {
      const blob = await runActivities(context, one.reference);
      return await images.getBlobClient(blob).downloadToBuffer();
    } catch (error) {
      for await (const { name } of images.listBlobsFlat())
        assert.ok(name.startsWith(RUN_PLANS), `${name} was committed all the same`);
      throw error;
    } finally {
      await context.registry.close();
    }
  }

  it(`commits the same bytes as ever, or nothing, in ${PULLS} pulls`, { timeout: 900_000 }, async (t) => {
    let identical = 0;
    const tally = await network.pullSeeds(FIRST_SEED, PULLS, async (one) => {
      const name = `seed-${one.seed}`;
      let expected = undisturbed.get(one.reference);
      if (expected === undefined) {
        expected = one.undisturbed(() => archiveOf(`quiet-${one.seed}`, one));
        undisturbed.set(one.reference, expected);
      }
      const right = await expected;
      for (const layer of one.image.layers) assert.ok(right.includes(layer));
      assert.ok((await archiveOf(name, one)).equals(right), 'the archive differs');
      identical += 1;
    });
    t.diagnostic(tally.report());
    assert.equal(tally.outcomes.get('identical') ?? 0, identical);
    assert.ok(identical > PULLS / 4, 'many pulls survive');
  });
});
