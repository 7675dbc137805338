import { randomBytes } from 'node:crypto';
import { commitArchive } from '../../../src/runs/commitArchive.ts';
import type { CacheContext } from '../../../src/context.ts';
import { copyBlocks } from '../../../src/runs/copyBlocks.ts';
import type { ImageRequest } from '../../../src/api/views.ts';
import { resolveImage } from '../../../src/runs/planImage.ts';
import type { CopiedSegment, CopyPlan, RunInput, Runs, RunStatus } from '../../../src/runs/messages.ts';
import { loadConfig } from '../../../src/config.ts';
import { parsePlatform } from '../../../src/image/platform.ts';
import { parseReference } from '../../../src/image/reference.ts';
import { RegistryClient } from '../../../src/registry/client.ts';
import { clientSettings } from '../../registry/support/clientSettings.ts';
import { QUICK } from '../../registry/support/fakeRegistry.ts';
import { startTestStorage, type TestStorage } from '../../store/support/storage.ts';
import { type LoopbackRegistry, startRegistry } from './registry.ts';

/** Azurite, a registry on loopback, and what a use case needs to work with both. */
export interface Rig {
  readonly registry: LoopbackRegistry;
  readonly server: TestStorage;
  readonly context: CacheContext;
  /** The same with other settings, on containers of its own. */
  with(env: Readonly<Record<string, string>>): Promise<CacheContext>;
  /** What a caller writes for a tag of the registry. */
  image(tag: string): string;
  request(image: string, platform?: string): ImageRequest;
  close(): Promise<void>;
}

export async function startRig(): Promise<Rig> {
  const [registry, server] = await Promise.all([startRegistry(), startTestStorage()]);
  const client = new RegistryClient({
    ...clientSettings({ insecure: registry.hosts }),
    timing: QUICK,
  });
  const settings = { IMAGE_STORAGE: server.connectionString };
  let containers = 0;
  return {
    registry,
    server,
    context: { config: loadConfig(settings), storage: server.storage, registry: client },
    with: async (env) => ({
      config: loadConfig({ ...settings, ...env }),
      storage: await server.open(`rig${containers++}`),
      registry: client,
    }),
    image: (tag) => `${registry.host}/${tag}`,
    request: (image, platform = 'linux/amd64') => ({
      requested: image,
      ref: parseReference(image),
      platform: parsePlatform(platform),
    }),
    close: async () => {
      await client.close();
      await Promise.all([registry.close(), server.close()]);
    },
  };
}

/** Blocks and tasks small enough that a layer of some kilobytes is copied in several activities. */
export const SMALL = { blockBytes: 4096, taskBytes: 16_384, segmentBytes: 12_288 };

/** One run's activities in the order in which its orchestration calls them, with nothing in between. */
export async function runActivities(
  context: CacheContext,
  image: string,
  limits = SMALL,
  platform = 'linux/amd64',
): Promise<CopyPlan> {
  const plan = await resolveImage(context, { image, platform }, limits);
  if (plan.cached) return plan;
  const run = randomBytes(4).toString('hex');
  const segments = await copyAll(context, plan, run);
  await commitArchive(context, { plan, run, segments });
  return plan;
}

export async function copyAll(context: CacheContext, plan: CopyPlan, run: string): Promise<CopiedSegment[]> {
  const lanes = await Promise.all(
    plan.lanes.map(async (lane) => {
      const done: CopiedSegment[] = [];
      for (const { from, to } of lane) {
        const hashState = done.at(-1)?.hashState;
        const input = { plan, run, from, to, ...(hashState !== undefined && { hashState }) };
        // Through JSON, as a history keeps it.
        done.push(await copyBlocks(context, JSON.parse(JSON.stringify(input)) as typeof input));
      }
      return done;
    }),
  );
  return lanes.flat();
}

/** Orchestrations that were asked for; a test says what has become of them. */
export class RecordedRuns implements Runs {
  readonly started = new Map<string, RunInput>();
  readonly states = new Map<string, RunStatus>();

  start(id: string, input: RunInput): Promise<void> {
    this.started.set(id, input);
    return Promise.resolve();
  }

  status(id: string): Promise<RunStatus | undefined> {
    return Promise.resolve(this.states.get(id) ?? (this.started.has(id) ? { state: 'pending' } : undefined));
  }
}
