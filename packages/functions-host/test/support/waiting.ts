/** Waiting that comes to an end: a limit for each test and hook, and a shorter one for what happens inside. */
import { setTimeout as sleep } from 'node:timers/promises';

/** For a test or a hook that starts a host, on a machine that is busy. */
export const LIMIT = { timeout: 60_000 } as const;

const WAIT_MS = 45_000;
const PAUSE_MS = 10;

/** Asks again and again until there is an answer. */
export async function until<T>(what: string, ask: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`Waited ${WAIT_MS / 1000} s for ${what}.`);
    await sleep(PAUSE_MS);
  }
}
