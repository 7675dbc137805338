import type { Failure } from '../errors.ts';

/** What the service answers, as JSON. Times are ISO 8601 in UTC, sizes bytes; docs/http.md says what each call gives. */

/** An error as its caller sees it. https://www.rfc-editor.org/rfc/rfc9457 */
export interface Problem extends Failure {
  /** The status in words. */
  readonly title: string;
  readonly status: number;
}

/** An image as every call of the service shows it. */
export interface ImageView {
  readonly state: 'ready' | 'pending' | 'failed' | 'absent';
  /** As the caller wrote it. */
  readonly requested: string;
  /** With Docker's defaults written out. */
  readonly image: string;
  readonly platform: string;
  readonly manifestDigest?: string;
  readonly indexDigest?: string;
  /** The config's digest: what `docker image inspect` calls Id on the classic image store. */
  readonly imageId?: string;
  /** The name under which the loaded image runs, on both of Docker's image stores. */
  readonly runRef?: string;
  /** The tag to add after loading, where the caller asked by tag. */
  readonly tagAs?: string;
  readonly blob?: string;
  readonly size?: number;
  readonly lastUsed?: string;
  readonly createdAt?: string;
  /** The catalogue's images: when prune deletes it if nobody uses it before. */
  readonly pruneAfter?: string;
  /** What cannot load it, as sentences; absent where everything can. */
  readonly notes?: readonly string[];
  /** The tag may stand for something newer, which is not cached (yet). */
  readonly stale?: boolean;
  readonly progress?: ProgressView;
  readonly error?: Failure;
}

export interface ProgressView {
  readonly phase: string;
  readonly stagedBytes?: number;
  readonly totalBytes?: number;
  /** Why nothing moves, and until when. */
  readonly waiting?: { readonly code: string; readonly detail: string; readonly until: string };
}

/** An image of a list that was refused before anything was known of it. */
export interface RefusedView {
  readonly state: 'failed';
  readonly requested: string;
  readonly error: Failure;
}

/** A page of all cached images, by blob name. */
export interface CataloguePage {
  readonly images: readonly ImageView[];
  /** Pass it on to get the next page; absent on the last one. */
  readonly continuation?: string;
}

/** A lookup's image: what a node needs to fetch and run it. */
export interface LookupView extends ImageView {
  /** Reads the archive, and nothing else, until `urlExpires`. */
  readonly url?: string;
  readonly urlExpires?: string;
}

/** A lookup's image for a node that has some of its layers. */
export interface PartialView extends LookupView {
  /** `start-end` in bytes, end included: put together, the archive without the layers that the node holds. */
  readonly ranges?: readonly string[];
  /** Of all ranges. */
  readonly rangesSize?: number;
  readonly layers?: number;
  /** How many of them, from the bottom, the ranges leave out. */
  readonly layersHeld?: number;
}

export interface Health {
  readonly status: 'ok';
  readonly version: string;
  /** Of the rules that decide an archive's bytes. */
  readonly layout: string;
  readonly node: string;
}
