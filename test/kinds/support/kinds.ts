import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { verifyArchive } from '../../../src/archive/verifyArchive.ts';
import { loadConfig } from '../../../src/config.ts';
import { CacheError, type ErrorCode, type Failure } from '../../../src/errors.ts';
import { type ImageRequest, parseImageRequest } from '../../../src/image/imageRequest.ts';
import { parsePlatform } from '../../../src/image/platform.ts';
import { RegistryClient } from '../../../src/registry/client.ts';
import type { RegistryEvent } from '../../../src/registry/exchange/events.ts';
import { BLOCK_MEMORY_BYTES, BlockMemory } from '../../../src/runs/blockMemory.ts';
import { abandonRun } from '../../../src/runs/abandonRun.ts';
import { commitArchive } from '../../../src/runs/commitArchive.ts';
import { copyBlocks } from '../../../src/runs/copyBlocks.ts';
import { resolveImage } from '../../../src/runs/resolveImage.ts';
import { describeImage, type ImageState } from '../../../src/service/describeImage.ts';
import { ensureImage } from '../../../src/service/ensureImage.ts';
import { OpenRuns } from '../../../src/service/openRuns.ts';
import { Turns } from '../../../src/store/turns.ts';
import type { CachedImage } from '../../../src/store/archive/archives.ts';
import { clientSettings, type WrittenSettings } from '../../registry/support/clientSettings.ts';
import { QUICK } from '../../registry/support/fakeRegistry.ts';
import type { SeenRequest } from '../../registry/support/server.ts';
import { SMALL, type TestContext } from '../../runs/support/rig.ts';
import { startTestStorage, type TestStorage } from '../../store/support/storage.ts';
import { type CaseRegistry, startCaseRegistry } from './caseRegistry.ts';
import { type Activities, PlayedRuns } from './playedRuns.ts';

/** What a caller is told. */
export interface Refusal {
  readonly code: ErrorCode;
  /** What the message must say. */
  readonly detail?: RegExp;
  readonly retryable?: boolean;
}

/** One thing that a registry or a caller really does, and what must come of it. */
export interface Case {
  /** In words: the test's name. */
  readonly input: string;
  readonly why: string;
  /** Where it was met, or the rule: a URL, or a specification and its section. */
  readonly source: string;
  /**
   * Writes the input into the registry, under a repository of the case's own.
   * @returns what to ask for, without the registry's host; nothing is `<repository>:1`
   */
  readonly serve: (registry: CaseRegistry, repository: string) => unknown;
  /** `linux/amd64` where none is named. */
  readonly platform?: string;
  /** Settings of the registry client beside the hosts. */
  readonly settings?: (registry: CaseRegistry) => WrittenSettings;
  readonly right: 'ready' | Refusal;
  readonly check?: (seen: Seen) => unknown;
}

/** What was seen of a case. */
export interface Seen {
  readonly registry: CaseRegistry;
  readonly repository: string;
  readonly request: ImageRequest;
  readonly context: TestContext;
  readonly runs: PlayedRuns;
  /** The archive, where the image is ready. */
  readonly cached: CachedImage | undefined;
  /** Why not, where it is not. */
  readonly failure: Failure | undefined;
  /** Requests that named the repository. */
  readonly requests: readonly SeenRequest[];
  readonly events: readonly RegistryEvent[];
  /** Asks for the image once more. */
  again(): Promise<Ended>;
}

export interface Ended {
  readonly cached: CachedImage | undefined;
  readonly failure: Failure | undefined;
}

/** One test a case: asks for the image, plays its run, and holds the end against what is right. */
export function runKind(title: string, cases: readonly Case[]): void {
  describe(title, () => {
    let registry: CaseRegistry;
    let server: TestStorage;
    before(async () => {
      [registry, server] = await Promise.all([startCaseRegistry(), startTestStorage()]);
    });
    after(() => Promise.all([registry.close(), server.close()]));
    cases.forEach((one, index) => {
      it(`${one.input} (${one.source})`, () => tryCase(one, `case${index}/image`, registry, server));
    });
  });
}

async function tryCase(
  one: Case,
  repository: string,
  registry: CaseRegistry,
  server: TestStorage,
): Promise<void> {
  const served: unknown = await one.serve(registry, repository);
  const path = typeof served === 'string' ? served : `${repository}:1`;
  const written = one.settings?.(registry) ?? { insecure: [registry.host, ...registry.friends] };
  const events: RegistryEvent[] = [];
  const clients: RegistryClient[] = [];
  const newClient = (): RegistryClient => {
    const client = new RegistryClient({
      ...clientSettings(written),
      timing: QUICK,
      log: (event) => events.push(event),
    });
    clients.push(client);
    return client;
  };
  const context = {
    config: loadConfig({ IMAGE_STORAGE: server.connectionString }),
    storage: server.storage,
    registry: newClient(),
    blockMemory: new BlockMemory(BLOCK_MEMORY_BYTES),
    resolving: new Map(),
    openRuns: new OpenRuns(),
    ensureTurns: new Turns(16),
  } satisfies TestContext;
  // After a durable timer another worker goes on, which has not heard yet whom to leave alone.
  const runs = new PlayedRuns(activities(context), () => (context.registry = newClient()));
  const platform = parsePlatform(one.platform ?? 'linux/amd64');
  const request = parseImageRequest(`${registry.host}/${path}`, undefined, platform);
  const again = (): Promise<Ended> => askFor(context, runs, request);
  try {
    const { cached, failure } = await again();
    const seen = { registry, repository, request, context, runs, events, again };
    if (one.right === 'ready') {
      assert.equal(failure, undefined, one.why);
      assert.ok(cached, one.why);
      await verifyArchive(Readable.from(await download(context, cached)));
    } else {
      assert.ok(failure, `${one.why}: it is ready`);
      assert.equal(failure.code, one.right.code, `${one.why}: ${failure.detail}`);
      assert.match(failure.detail, one.right.detail ?? /./, one.why);
      if (one.right.retryable !== undefined) assert.equal(failure.retryable, one.right.retryable, one.why);
      assert.doesNotMatch(
        failure.detail,
        /,,|\.\.|undefined|\[object/,
        'a message that is put together badly',
      );
    }
    await one.check?.({ ...seen, cached, failure, requests: registry.asked(repository) });
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
}

/** Asks as a caller does, and again when the run has ended. */
async function askFor(context: TestContext, runs: PlayedRuns, request: ImageRequest): Promise<Ended> {
  let found: ImageState;
  try {
    found = await ensureImage(context, runs, request);
    if (found.state === 'pending') found = await describeImage(context, runs, request);
  } catch (error) {
    if (!(error instanceof CacheError)) throw error;
    return { cached: undefined, failure: error.toFailure() };
  }
  assert.ok(found.state === 'ready' || found.state === 'failed', `the image is ${found.state}`);
  return found.state === 'ready'
    ? { cached: found.cached, failure: undefined }
    : { cached: undefined, failure: found.error };
}

/** The activities of src/functions/durable/activities.ts, with blocks that a layer of some bytes fills. */
function activities(context: TestContext): Activities {
  return {
    resolveImage: (input) => resolveImage(context, input, SMALL),
    copyBlocks: (input) => copyBlocks(context, input),
    commitArchive: (input) => commitArchive(context, input),
    abandonRun: (input) => abandonRun(context, input),
  };
}

function download({ storage }: TestContext, { blob }: CachedImage): Promise<Buffer> {
  return storage.images.getBlobClient(blob).downloadToBuffer();
}
