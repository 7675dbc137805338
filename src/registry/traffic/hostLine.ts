import { CacheError } from '../../errors.ts';
import { Fault } from './fault.ts';
import type { Timing } from './timing.ts';

/** Requests without an answer that a host gets before it has shown that it answers; each answer allows another. */
const FIRST_UNANSWERED = 4;
/** When to come back to a host that is in doubt, or whose connections are all in use. */
const COME_BACK_SECONDS = 15;

/** One request's place at a host, from before it is sent until its answer's body has ended. */
export interface Place {
  /** The answer's headers are here: the host is one that answers. */
  answered(): void;
  /** The connection is free again. Safe to call twice. */
  leave(): void;
}

interface Waiter {
  readonly enter: (place: Place) => void;
  readonly giveUp: (reason: unknown) => void;
}

/**
 * The requests to one host: as many at a time as it gets connections, and few that it has not answered, so that a
 * host which is mute holds up a handful of workers and not all of them. Whoever would wait for one that is in doubt
 * is sent away at once, to come back by a durable timer.
 */
export class HostLine {
  readonly #host: string;
  readonly #connections: number;
  readonly #timing: Timing;
  /** When each request was sent that has no answer, oldest first. */
  readonly #unanswered = new Set<{ readonly since: number }>();
  readonly #waiting = new Set<Waiter>();
  #open = 0;
  #window = FIRST_UNANSWERED;

  /** @param connections the most that the host gets */
  constructor(host: string, connections: number, timing: Timing) {
    this.#host = host;
    this.#connections = connections;
    this.#timing = timing;
  }

  /**
   * @throws {Fault} where the host is in doubt
   * @throws {CacheError} registry_throttled where its connections are in use for long
   */
  enter(signal: AbortSignal | undefined): Promise<Place> {
    const isFree = this.#waiting.size === 0 && this.#hasRoom();
    return isFree ? Promise.resolve(this.#take()) : this.#wait(signal);
  }

  /** The host has turned out to be down: sends everybody away who waits, and tries one at a time from now on. */
  clear(fault: Fault): void {
    for (const { giveUp } of this.#waiting) giveUp(fault);
    this.#window = 1;
  }

  #hasRoom(): boolean {
    return this.#open < this.#connections && this.#unanswered.size < this.#window;
  }

  #take(): Place {
    const request = { since: performance.now() };
    let isOpen = true;
    this.#open += 1;
    this.#unanswered.add(request);
    return {
      answered: () => {
        if (!this.#unanswered.delete(request)) return;
        this.#window = Math.min(this.#connections, this.#window + 1);
        this.#letIn();
      },
      leave: () => {
        if (!isOpen) return;
        isOpen = false;
        this.#open -= 1;
        this.#unanswered.delete(request);
        this.#letIn();
      },
    };
  }

  #letIn(): void {
    for (const waiter of this.#waiting) {
      if (!this.#hasRoom()) return;
      this.#waiting.delete(waiter);
      waiter.enter(this.#take());
    }
  }

  async #wait(signal: AbortSignal | undefined): Promise<Place> {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<Place>();
    const waiter: Waiter = {
      enter: resolve,
      giveUp: (reason) => {
        // At once: nobody would ever leave a place that is given to it now.
        this.#waiting.delete(waiter);
        reject(reason);
      },
    };
    const began = performance.now();
    const look = (): void => {
      const fault = this.#reasonToLeave(began);
      if (fault !== undefined) waiter.giveUp(fault);
    };
    const aborted = (): void => waiter.giveUp(signal?.reason);
    const timer = setInterval(look, this.#timing.doubtMs / 2);
    signal?.addEventListener('abort', aborted, { once: true });
    this.#waiting.add(waiter);
    look();
    try {
      return await promise;
    } finally {
      clearInterval(timer);
      signal?.removeEventListener('abort', aborted);
    }
  }

  #reasonToLeave(began: number): Fault | CacheError | undefined {
    const { doubtMs, lineMs } = this.#timing;
    const now = performance.now();
    const [oldest] = this.#unanswered;
    if (oldest !== undefined && now - oldest.since >= doubtMs) {
      return new Fault('it has not answered the requests before this one', {
        retryAfterMs: COME_BACK_SECONDS * 1000,
      });
    }
    if (now - began < lineMs) return undefined;
    return new CacheError(
      'registry_throttled',
      `All connections that this service makes to ${this.#host} are in use. Try again later.`,
      { retryAfterSeconds: COME_BACK_SECONDS },
    );
  }
}
