import { randomBytes } from 'node:crypto';
import { imageState } from '../src/service/describeImage.ts';
import { lookupImage } from '../src/service/lookupImage.ts';
import { runId } from '../src/runs/messages.ts';
import { AMD64 } from '../test/runs/support/loopbackRegistry.ts';
import {
  commit,
  copyAll,
  RecordedRuns,
  resolve,
  runActivities,
  setLastUsed,
  startRig,
} from '../test/runs/support/rig.ts';
import { storageCalls } from '../test/support/storageCalls.ts';

/** Each of four blocks, and a stretch of its own. */
const LAYERS = 10;
const LAYER_BYTES = 12_000;

/**
 * What the service asks of storage: calls are counted, not timed, so the figures are the same on every machine. They
 * are what a lookup and an image cost at the account, whose limits and prices go by the call.
 */
export async function run(): Promise<void> {
  const rig = await startRig();
  const { context, server } = rig;
  const count = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    const calls = await storageCalls(server.connectionString, work);
    const kinds = Map.groupBy(calls, (call) => call.replace(/ [^ /]+?(-index)?\/.*$/, '$1'));
    const list = [...kinds].map(([kind, { length }]) => `${length} ${kind}`).join(', ');
    console.log(`${what.padEnd(44)} ${String(calls.length).padStart(3)}   ${list}`);
  };
  try {
    const tag = 'team/lookup:1';
    const { digest } = rig.registry.push(tag, { layers: [randomBytes(1000)] });
    const cachedBlob = await runActivities(context, rig.image(tag));
    const byTag = rig.request(rig.image(tag));
    const several = { ...rig.registry.push(undefined, { layers: [randomBytes(1000)] }), platform: AMD64 };
    rig.registry.pushIndex('team/several:1', [several]);
    await runActivities(context, rig.image('team/several:1'));
    const byIndex = rig.request(rig.image('team/several:1'));
    const byDigest = rig.request(`${rig.image('team/lookup')}@${digest}`);
    const runs = new RecordedRuns();
    await count("lookup by the manifest's digest", () => lookupImage(context, runs, byDigest, 0));
    await count('lookup by tag, of a manifest', () => lookupImage(context, runs, byTag, 0));
    await count('lookup by tag, of an index', () => lookupImage(context, runs, byIndex, 0));
    const stamping = { ...context, config: { ...context.config, lastUsedResolutionSeconds: 0 } };
    await count("by the manifest's digest, with a stamp", () => lookupImage(stamping, runs, byDigest, 0));

    await setLastUsed(context, cachedBlob, '2026-01-01T00:00:00Z');
    await count('500 lookups of it at once, not stamped lately', () =>
      Promise.all(Array.from({ length: 500 }, () => lookupImage(context, runs, byDigest, 0))),
    );

    const pending = rig.request(`${rig.image('team/pending')}@${digest}`);
    runs.states.set(runId(pending.ref, pending.platform), { state: 'pending' });
    await count('poll of a lookup that waits', () => imageState(context, runs, pending, 'serve the older'));

    const many = 'team/many:1';
    rig.registry.push(many, { layers: Array.from({ length: LAYERS }, () => randomBytes(LAYER_BYTES)) });
    const limits = { blockBytes: 4096, taskBytes: LAYER_BYTES + 1024 };
    await count(`an image of ${LAYERS} layers, 44 blocks`, async () => {
      const resolved = await resolve(context, rig.image(many), { limits });
      const copied = await copyAll(context, resolved);
      await commit(context, resolved, copied);
    });
  } finally {
    await rig.close();
  }
}
