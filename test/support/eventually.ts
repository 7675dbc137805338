import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 50;

/**
 * Asks until there is an answer that is neither undefined nor false, and gives it.
 * @param what is awaited, for the error
 * @throws where there is none within `seconds`, or where `ask` throws
 */
export async function eventually<T>(
  what: string,
  ask: () => T | Promise<T>,
  seconds = 60,
): Promise<Exclude<T, undefined | false>> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer as Exclude<T, undefined | false>;
    if (Date.now() > deadline) throw new Error(`Not within ${seconds} s: ${what}.`);
    await sleep(POLL_MS);
  }
}
