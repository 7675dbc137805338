import type { Health } from '../api/views.ts';
import { LAYOUT_VERSION } from '../archive/layout.ts';
import type { CacheContext } from '../context.ts';
import { makeContainers, storing } from '../store/storage.ts';
import { VERSION } from '../version.ts';

/**
 * Makes the containers again where somebody deleted them, as the next write would: ok is that images can be cached.
 * @throws {CacheError} storage_unavailable where the archives cannot be reached
 */
export async function checkHealth({ storage }: CacheContext): Promise<Health> {
  // Looking costs less than making, and health is asked often.
  const { images, index } = storage;
  const isThere = await storing('answering', () => images.exists());
  const isWhole = isThere && (await storing('answering', () => index.exists()).catch(() => false));
  if (!isWhole) await makeContainers(storage);
  return { status: 'ok', version: VERSION, layout: LAYOUT_VERSION, node: process.version };
}
