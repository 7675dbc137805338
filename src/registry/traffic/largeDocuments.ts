import { CacheError } from '../../errors.ts';

/** Nearly every manifest and config is smaller. */
const LARGE_BYTES = 256 * 1024;
/**
 * How long one counts after it was handed over: its reader has understood it by then, and a process that takes two a
 * second at most leaves the garbage collector and everybody else their time.
 */
const REST_MS = 500;
/** Those that may wait for their turn, each with a connection and a few bytes; and how long. */
const MAX_WAITING = 8;
const WAIT_MS = 10_000;
/** When the others may come back. Spread, so that they do not come back together. */
const COME_BACK_SECONDS = 30;

/**
 * A bound on the large documents that one process has in hand, however many are asked for: one, since it is some
 * megabytes, and ten times that while it is understood. A few wait for their turn; whoever finds more comes back later,
 * by a durable timer.
 */
export class LargeDocuments {
  #isBusy = false;
  readonly #waiting = new Set<() => void>();

  /** A document of which nothing is here yet. */
  open(): OpenDocument {
    let isCounted = false;
    return {
      grows: (bytes) => {
        if (isCounted || bytes <= LARGE_BYTES) return undefined;
        isCounted = true;
        return this.#enter().catch((error: unknown) => {
          isCounted = false;
          throw error;
        });
      },
      close: () => {
        if (isCounted) setTimeout(() => this.#leave(), REST_MS).unref();
        isCounted = false;
      },
    };
  }

  async #enter(): Promise<void> {
    if (!this.#isBusy) {
      this.#isBusy = true;
      return;
    }
    if (this.#waiting.size >= MAX_WAITING) throw tooMany();
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const enter = (): void => resolve(undefined);
    const late = setTimeout(() => {
      this.#waiting.delete(enter);
      reject(tooMany());
    }, WAIT_MS);
    this.#waiting.add(enter);
    await promise.finally(() => clearTimeout(late));
  }

  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#isBusy = false;
    else {
      this.#waiting.delete(next);
      next();
    }
  }
}

export interface OpenDocument {
  /**
   * @returns where it has become large, what to wait for before more of it is read
   * @throws {CacheError} registry_throttled, by way of that, where too many are waited for
   */
  grows(bytes: number): Promise<void> | undefined;
  close(): void;
}

function tooMany(): CacheError {
  return new CacheError(
    'registry_throttled',
    `This service is reading as many manifests and configs above ${LARGE_BYTES} bytes as it does at a time. Try again later.`,
    { retryAfterSeconds: COME_BACK_SECONDS * (1 + Math.random()) },
  );
}
