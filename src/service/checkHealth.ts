import type { Health } from '../api/views.ts';
import { LAYOUT_VERSION } from '../archive/layout.ts';
import type { CacheContext } from '../context.ts';
import { storing } from '../store/storage.ts';
import { VERSION } from '../version.ts';

/** @throws {CacheError} storage_unavailable where the archives cannot be reached */
export async function checkHealth({ storage }: CacheContext): Promise<Health> {
  await storing('answering', () => storage.images.getProperties());
  return { status: 'ok', version: VERSION, layout: LAYOUT_VERSION, node: process.version };
}
