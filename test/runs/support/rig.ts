import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { dealOut } from '../../../src/archive/stretches.ts';
import { planLayout } from '../../../src/archive/layout.ts';
import { loadConfig } from '../../../src/config.ts';
import type { CacheContext } from '../../../src/context.ts';
import { CacheError } from '../../../src/errors.ts';
import type { Digest } from '../../../src/image/digest.ts';
import { type ImageRequest, parseImageRequest } from '../../../src/image/imageRequest.ts';
import type { Descriptor } from '../../../src/image/manifest.ts';
import { parsePlatform } from '../../../src/image/platform.ts';
import { parseReference } from '../../../src/image/reference.ts';
import { RegistryClient } from '../../../src/registry/client.ts';
import { BLOCK_MEMORY_BYTES, BlockMemory } from '../../../src/runs/blockMemory.ts';
import { commitArchive, type CommittedArchive } from '../../../src/runs/commitArchive.ts';
import { COPY_TIMES, copyBlocks, type CopyContext, type CopyTimes } from '../../../src/runs/copyBlocks.ts';
import { fetchImage } from '../../../src/runs/fetchImage.ts';
import type {
  CopiedStretch,
  CopyInput,
  PendingStretch,
  Resolved,
  RunInput,
  Runs,
  RunStatus,
} from '../../../src/runs/messages.ts';
import { resolveImage } from '../../../src/runs/resolveImage.ts';
import type { EnsureContext } from '../../../src/service/ensureImage.ts';
import { OpenRuns } from '../../../src/service/openRuns.ts';
import { Turns } from '../../../src/store/turns.ts';
import type { Storage } from '../../../src/store/storage.ts';
import { assemble } from '../../archive/support/samples.ts';
import { clientSettings } from '../../registry/support/clientSettings.ts';
import { QUICK } from '../../registry/support/fakeRegistry.ts';
import { startTestStorage, type TestStorage } from '../../store/support/storage.ts';
import {
  AMD64,
  type ImageSpec,
  type LoopbackRegistry,
  type PushedImage,
  startRegistry,
} from './loopbackRegistry.ts';

export type TestContext = CacheContext & CopyContext & EnsureContext;

/** Azurite, a registry on loopback, and what a use case needs to work with both. */
export interface Rig {
  readonly registry: LoopbackRegistry;
  readonly server: TestStorage;
  readonly context: TestContext;
  /** The same with other settings, on containers of its own. */
  with(env: Readonly<Record<string, string>>): Promise<TestContext>;
  /** A repository that no other test of this file has. */
  repository(): string;
  /** What a caller writes for a tag of the registry. */
  image(tag: string): string;
  request(image: string, platform?: string): ImageRequest;
  /** Pushes an image into a repository of its own. */
  push(spec: ImageSpec): { readonly image: string; readonly layers: readonly Descriptor[] };
  /** Pushes an image and caches it. */
  cache(tag: string, content?: string): Promise<PushedImage & { readonly blob: string }>;
  /** From now on the registry refuses, or is not there. */
  outage(status?: number): void;
  close(): Promise<void>;
}

export async function startRig(): Promise<Rig> {
  const [registry, server] = await Promise.all([startRegistry(), startTestStorage()]);
  const client = new RegistryClient({
    ...clientSettings({ insecure: registry.hosts }),
    timing: QUICK,
  });
  const settings = { IMAGE_STORAGE: server.connectionString };
  const contextOf = (env: Readonly<Record<string, string>>, storage: Storage): TestContext => ({
    config: loadConfig({ ...settings, ...env }),
    storage,
    registry: client,
    blockMemory: new BlockMemory(BLOCK_MEMORY_BYTES),
    resolving: new Map(),
    openRuns: new OpenRuns(),
    ensureTurns: new Turns(16),
  });
  const context = contextOf({}, server.storage);
  const image = (tag: string): string => `${registry.host}/${tag}`;
  let containers = 0;
  let repositories = 0;
  const repository = (): string => `team/image${repositories++}`;
  return {
    registry,
    server,
    context,
    with: async (env) => contextOf(env, await server.open(`rig${containers++}`)),
    repository,
    image,
    request: (name, platform = 'linux/amd64') => parseImageRequest(name, platform, parsePlatform(platform)),
    push: (spec) => {
      const tag = `${repository()}:1`;
      return { image: image(tag), layers: registry.push(tag, spec).layers };
    },
    cache: async (tag, content = tag) => {
      const pushed = registry.push(tag, { layers: [Buffer.from(content)] });
      return { ...pushed, blob: await runActivities(context, image(tag)) };
    },
    outage: (status = 503) => {
      registry.misbehave = (_, response) => {
        response.writeHead(status, { 'retry-after': '60' }).end();
        return true;
      };
    },
    close: async () => {
      await client.close();
      await Promise.all([registry.close(), server.close()]);
    },
  };
}

/** Blocks and tasks small enough that a layer of some kilobytes is one of several blocks. */
export const SMALL = { blockBytes: 4096, taskBytes: 16_384 };

export type ResolvedRun = Resolved & { readonly cached: false };

/** The first activity of a run for an image that is not cached. */
export async function resolve(
  context: CacheContext,
  image: string,
  { limits = SMALL, platform = 'linux/amd64', run = randomBytes(4).toString('hex') } = {},
): Promise<ResolvedRun> {
  const resolved = await resolveImage(context, { image, platform, run }, limits);
  return resolved.cached ? assert.fail(`${resolved.blob} is cached`) : resolved;
}

/** One run's activities in the order in which its orchestration calls them. @returns the archive's name */
export async function runActivities(
  context: CopyContext,
  image: string,
  platform = 'linux/amd64',
): Promise<string> {
  const run = randomBytes(4).toString('hex');
  const resolved = await resolveImage(context, { image, platform, run }, SMALL);
  if (resolved.cached) return resolved.blob;
  await commit(context, resolved, await copyAll(context, resolved));
  return resolved.planned.blob;
}

/** Calls the activity until nothing is left, as the orchestration does. */
export async function copyAll(
  context: CopyContext,
  { planned, stretches }: Pick<ResolvedRun, 'planned' | 'stretches'>,
  times: CopyTimes = COPY_TIMES,
): Promise<CopiedStretch[]> {
  const copied: CopiedStretch[] = [];
  let left: readonly PendingStretch[] = stretches;
  while (left.length > 0) {
    const round = await Promise.all(
      dealOut(left).map((share) => {
        const input: CopyInput = { planned, stretches: share };
        // Through JSON, as a history keeps it.
        return copyBlocks(context, JSON.parse(JSON.stringify(input)) as CopyInput, times);
      }),
    );
    for (const { done, failure } of round) {
      if (failure !== undefined) throw new CacheError(failure.code, failure.detail, failure);
      copied.push(...done);
    }
    left = round.flatMap(({ rest }) => rest);
  }
  return copied;
}

export async function commit(
  context: CacheContext,
  { planned, attempt }: Pick<ResolvedRun, 'planned' | 'attempt'>,
  copied: readonly CopiedStretch[],
): Promise<CommittedArchive | undefined> {
  const spent = { startedAt: new Date().toISOString(), resolveSeconds: 1, copySeconds: 2, waitSeconds: 0 };
  return commitArchive(context, { planned, attempt, copied, spent });
}

/** The archive as its layout and the layers' bytes say that it has to be. */
export async function expectedArchive(
  { registry }: Rig,
  context: CacheContext,
  reference: string,
): Promise<Buffer> {
  const { image } = await fetchImage(context, parseReference(reference), AMD64);
  const contents = new Map<Digest, Uint8Array>(
    image.layers.map(({ digest }) => [digest, registry.blobs.get(digest) ?? assert.fail()]),
  );
  return assemble({ image, layout: planLayout(image), contents });
}

export function storedArchive({ storage }: CacheContext, blob: string): Promise<Buffer> {
  return storage.images.getBlobClient(blob).downloadToBuffer();
}

/** Forgets every hint: the archives alone are the truth. */
export async function dropHints({ index }: Storage): Promise<void> {
  for await (const { name } of index.listBlobsFlat()) await index.deleteBlob(name);
}

export async function setLastUsed(
  { storage }: Pick<CacheContext, 'storage'>,
  blob: string,
  lastused: string,
): Promise<void> {
  const client = storage.images.getBlobClient(blob);
  const { metadata } = await client.getProperties();
  await client.setMetadata({ ...metadata, lastused });
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
