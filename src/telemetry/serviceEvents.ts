import type { ErrorCode } from '../errors.ts';
import type { RegistryEvent } from '../registry/exchange/events.ts';

/**
 * What the service tells whoever counts and watches it: a line of the log each, and the source of every metric
 * (docs/operations.md lists them). Names, codes and numbers only: no secret, no signed URL, and no text that a caller
 * or a registry wrote, but the image's name and what the registry client quotes (`KnownSecrets.quotable`).
 */
export type ServiceEvent =
  | LookupEvent
  | ImageCachedEvent
  | ImageFailedEvent
  | RegistryWaitEvent
  | BytesPulledEvent
  | PruneEvent
  | WarmEvent
  | StoreEvent
  /** A line per request would bury the others. */
  | Exclude<RegistryEvent, { readonly type: 'request' }>;

export interface LookupEvent {
  readonly type: 'lookup';
  readonly outcome: LookupOutcome;
  readonly image: string;
  readonly platform: string;
  /** Of the archive that was handed out, in bytes. */
  readonly size?: number;
}

/** stale: the tag's older image was served. miss: neither cached nor on its way. */
export type LookupOutcome = 'hit' | 'stale' | 'pending' | 'miss' | 'failed';

/** An image, in an event about its run. An activity may run twice: its event then comes twice with the same `run`. */
interface RunEvent {
  readonly run: string;
  readonly registry: string;
  readonly image: string;
  readonly platform: string;
}

/** An archive was committed; told by the one run that committed it. */
export interface ImageCachedEvent extends RunEvent {
  readonly type: 'image_cached';
  readonly manifestDigest: string;
  /** Of the archive. */
  readonly bytes: number;
  /** From the start of the run to the commit. */
  readonly seconds: number;
  readonly phases: RunPhases;
}

/** Seconds; what was waited for a registry or storage counts as waiting alone. */
export interface RunPhases {
  readonly resolveSeconds: number;
  readonly copySeconds: number;
  readonly commitSeconds: number;
  readonly waitSeconds: number;
}

/** A run has ended without its image. Not told of a run that an operator terminated. */
export interface ImageFailedEvent extends RunEvent {
  readonly type: 'image_failed';
  readonly code: ErrorCode;
}

/** A step of a run was turned away by its registry, and is tried again; up to four steps of a run are tried at once. */
export interface RegistryWaitEvent extends RunEvent {
  readonly type: 'registry_wait';
  readonly code: 'registry_throttled' | 'registry_unavailable';
  /** The least that is waited. */
  readonly seconds: number;
}

/** Bytes of layers that one step of a run received, whatever became of them. */
export interface BytesPulledEvent extends RunEvent {
  readonly type: 'bytes_pulled';
  readonly source: PullSource;
  readonly bytes: number;
}

/** redirect: the storage or CDN that the registry sent us on to. */
export type PullSource = 'registry' | 'redirect';

/** Prune has run, whoever asked for it. */
export interface PruneEvent {
  readonly type: 'prune';
  /** Images. */
  readonly deleted: number;
  /** Images that are due, but held by a lease, a legal hold or a policy of the account; counted in `kept` as well. */
  readonly held: number;
  /** Images that storage failed to delete; counted in `kept` as well. */
  readonly failed: number;
  readonly kept: number;
  /** Of what was deleted. */
  readonly bytes: number;
  /** False where time was up, or something was not swept. */
  readonly complete: boolean;
  readonly seconds: number;
}

/** Images that the settings want kept ready have been asked for, whoever asked for that. */
export interface WarmEvent {
  readonly type: 'warm';
  /** Images. */
  readonly ready: number;
  readonly pending: number;
  readonly failed: number;
  /** Entries of WARM_REPOSITORIES that could not be listed. */
  readonly unlisted: number;
  /** False where time was up before all had been asked for. */
  readonly complete: boolean;
  readonly seconds: number;
}

/** What is cached, as prune found and left it. */
export interface StoreEvent {
  readonly type: 'store';
  readonly images: number;
  readonly bytes: number;
}

/** Who listens hears every event at once, in order; a listener that throws spoils nothing. */
export class ServiceEvents {
  readonly #listeners: ((event: ServiceEvent) => void)[] = [];

  subscribe(listener: (event: ServiceEvent) => void): void {
    this.#listeners.push(listener);
  }

  emit(event: ServiceEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        console.error('A listener of service events failed.', error);
      }
    }
  }
}
