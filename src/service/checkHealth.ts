import { LAYOUT_VERSION } from '../archive/layout.ts';
import { storing } from '../store/storage.ts';
import { VERSION } from '../version.ts';
import type { CacheContext } from '../context.ts';

export interface Health {
  readonly status: 'ok';
  readonly version: string;
  /** Of the rules that decide an archive's bytes. */
  readonly layout: string;
  readonly node: string;
}

/** @throws {CacheError} storage_unavailable where the archives cannot be reached */
export async function checkHealth({ storage }: CacheContext): Promise<Health> {
  await storing('answering', () => storage.images.getProperties());
  return { status: 'ok', version: VERSION, layout: LAYOUT_VERSION, node: process.version };
}
