import { openContext } from '../context.ts';
import { BLOCK_MEMORY_BYTES, BlockMemory } from '../runs/blockMemory.ts';
import type { CopyContext } from '../runs/copyBlocks.ts';
import type { EnsureContext } from '../service/ensureImage.ts';
import { OpenRuns } from '../service/openRuns.ts';
import { Statistics } from '../statistics/statistics.ts';
import { Turns } from '../store/turns.ts';
import { logEvent } from '../telemetry/eventLog.ts';
import { ServiceEvents } from '../telemetry/serviceEvents.ts';
import { settings } from './settings.ts';
import { telemetry } from './telemetry.ts';

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
  const events = new ServiceEvents();
  events.subscribe(logEvent);
  const context = await openContext(settings, (event) => {
    if (event.type !== 'request') events.emit(event);
  });
  const blockMemory = new BlockMemory(BLOCK_MEMORY_BYTES);
  (await telemetry)?.watch(events, blockMemory);
  return {
    ...context,
    blockMemory,
    resolving: new Map(),
    openRuns: new OpenRuns(),
    ensureTurns: new Turns(ENSURE_TURNS),
    events,
    statistics: new Statistics(context.storage, events),
  };
}
