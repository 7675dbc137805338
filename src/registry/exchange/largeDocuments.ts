import { CacheError } from '../../errors.ts';

/** Nearly every manifest and config is smaller. */
const LARGE_BYTES = 256 * 1024;
/** Read at the same time in one process: it is some megabytes, and ten times that while it is understood. */
const AT_ONCE = 1;
/**
 * How long each counts after it was handed over: its reader has understood it by then, and a process that takes four a
 * second at most leaves the garbage collector and everybody else their time.
 */
const REST_MS = 250;
/** When to come back. Spread, so that those who were sent away do not come back together. */
const COME_BACK_SECONDS = 30;

/**
 * A bound on the large documents that one process has in hand, however many are asked for: whoever finds too many
 * comes back later, by a durable timer, instead of waiting here with a part of one.
 */
export class LargeDocuments {
  #inHand = 0;

  /** A document of which nothing is here yet. */
  open(): OpenDocument {
    let isCounted = false;
    return {
      grows: (bytes) => {
        if (isCounted || bytes <= LARGE_BYTES) return;
        if (this.#inHand >= AT_ONCE) throw tooMany();
        isCounted = true;
        this.#inHand += 1;
      },
      close: () => {
        if (isCounted) setTimeout(() => (this.#inHand -= 1), REST_MS).unref();
        isCounted = false;
      },
    };
  }
}

export interface OpenDocument {
  /** @throws {CacheError} registry_throttled where it becomes large, and too many are in hand */
  grows(bytes: number): void;
  close(): void;
}

function tooMany(): CacheError {
  return new CacheError(
    'registry_throttled',
    `This service is reading as many manifests and configs above ${LARGE_BYTES} bytes as it does at a time. Try again later.`,
    { retryAfterSeconds: COME_BACK_SECONDS * (1 + Math.random()) },
  );
}
