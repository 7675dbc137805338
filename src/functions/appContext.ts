import { openContext } from '../context.ts';
import type { RegistryEvent } from '../registry/exchange/events.ts';
import { BLOCK_MEMORY_BYTES, BlockMemory } from '../runs/blockMemory.ts';
import type { CopyContext } from '../runs/copyBlocks.ts';
import type { EnsureContext } from '../service/ensureImage.ts';
import { OpenRuns } from '../service/openRuns.ts';
import { Statistics } from '../statistics/statistics.ts';
import { Turns } from '../store/turns.ts';
import { ServiceEvents } from '../telemetry/serviceEvents.ts';
import { settings } from './settings.ts';

/** All that the use cases work with, and what they share in one process. */
export type AppContext = CopyContext &
  EnsureContext & {
    readonly events: ServiceEvents;
    readonly statistics: Statistics;
  };

/** Images that are looked for and started at a time: as many as storage answers without a queue. */
const ENSURE_TURNS = 16;

let opened: Promise<AppContext> | undefined;

/** The one context of this process; opened by the first call, and again after a failure. */
export function appContext(): Promise<AppContext> {
  opened ??= open().catch((error: unknown) => {
    opened = undefined;
    throw error;
  });
  return opened;
}

async function open(): Promise<AppContext> {
  // Not an invocation's own log: the registry client outlives every invocation.
  const context = await openContext(settings, logEvent);
  const events = new ServiceEvents();
  return {
    ...context,
    blockMemory: new BlockMemory(BLOCK_MEMORY_BYTES),
    resolving: new Map(),
    openRuns: new OpenRuns(),
    ensureTurns: new Turns(ENSURE_TURNS),
    events,
    statistics: new Statistics(context.storage, events),
  };
}

/** What an operator wants to know; a line per request would bury it. */
function logEvent(event: RegistryEvent): void {
  if (event.type !== 'request') console.log(JSON.stringify(event));
}
