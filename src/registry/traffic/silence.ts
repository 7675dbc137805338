import type { Timing } from './timing.ts';
import { Fault } from './fault.ts';

/** Requests that may go on without an answer for as long as they have, whatever hosts they are at. */
const MAX_SILENT = 16;

/** A request that has no answer yet. */
export interface Watched {
  readonly signal: AbortSignal;
  /** The answer is here, or nobody waits for it any more. */
  end(): void;
}

interface Silent {
  readonly host: string;
  readonly cut: (fault: Fault) => void;
}

/**
 * The deadline of each request for its answer, which fires whatever the other side sends meanwhile. Long ones are for
 * proxies that fetch before they answer: so many mute hosts that they would take all workers get short ones.
 */
export class SilenceWatch {
  readonly #timing: Timing;
  /** Unanswered for `silentMs`, longest first. */
  readonly #silent = new Set<Silent>();

  constructor(timing: Timing) {
    this.#timing = timing;
  }

  /** @param deadlineMs until its answer's headers */
  watch(host: string, deadlineMs: number, signal: AbortSignal | undefined): Watched {
    const { silentMs } = this.#timing;
    const controller = new AbortController();
    const cut = (fault: Fault): void => controller.abort(fault);
    const request: Silent = { host, cut };
    const deadline = setTimeout(() => {
      cut(new Fault(`it did not answer within ${deadlineMs / 1000} s`, { outage: 'purpose' }));
    }, deadlineMs);
    const silence = setTimeout(() => this.#add(request), silentMs);
    return {
      signal: signal === undefined ? controller.signal : AbortSignal.any([controller.signal, signal]),
      end: () => {
        clearTimeout(deadline);
        clearTimeout(silence);
        this.#silent.delete(request);
      },
    };
  }

  #add(request: Silent): void {
    this.#silent.add(request);
    if (this.#silent.size <= MAX_SILENT) return;
    const victim = this.#longestOfMost();
    this.#silent.delete(victim);
    victim.cut(
      new Fault('it did not answer, and too many other hosts do not either', {
        outage: 'purpose',
      }),
    );
  }

  /** Of the host that has most of them: one that is merely slow goes on beside one that is many times mute. */
  #longestOfMost(): Silent {
    const counts = new Map<string, number>();
    for (const { host } of this.#silent) counts.set(host, (counts.get(host) ?? 0) + 1);
    const most = Math.max(...counts.values());
    for (const request of this.#silent) if (counts.get(request.host) === most) return request;
    throw new Error('Nothing is silent.');
  }
}
