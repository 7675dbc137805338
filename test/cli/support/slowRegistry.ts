import { setTimeout as sleep } from 'node:timers/promises';
import { type LoopbackRegistry, startRegistry } from '../../runs/support/loopbackRegistry.ts';

const CHUNK_BYTES = 256 * 1024;
/** For a chunk of one connection: some 5 MiB a second. */
const CHUNK_MS = 50;

export interface SlowRegistry extends LoopbackRegistry {
  /** Nothing goes on with the blobs of this digest until `release`. */
  hold(digest: string): void;
  release(): void;
}

/** A registry that sends its blobs so slowly that an image can be watched, and without ranges. */
export async function startSlowRegistry(): Promise<SlowRegistry> {
  const registry = await startRegistry();
  const held = new Set<string>();
  registry.misbehave = ({ method, url }, response) => {
    const digest = /\/blobs\/(.+)$/.exec(url)?.[1] ?? '';
    const bytes = registry.blobs.get(digest);
    if (method !== 'GET' || bytes === undefined) return false;
    response.writeHead(200, { 'content-length': bytes.length });
    const isGone = (): boolean => response.destroyed;
    const send = async (): Promise<void> => {
      for (let at = 0; at < bytes.length && !isGone(); at += CHUNK_BYTES) {
        while (held.has(digest) && !isGone()) await sleep(CHUNK_MS);
        response.write(bytes.subarray(at, at + CHUNK_BYTES));
        await sleep(CHUNK_MS);
      }
      response.end();
    };
    void send();
    return true;
  };
  return Object.assign(registry, {
    hold: (digest: string) => void held.add(digest),
    release: () => held.clear(),
  });
}
