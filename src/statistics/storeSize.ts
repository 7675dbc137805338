import { allArchives } from '../store/archive/archives.ts';
import type { Storage } from '../store/storage.ts';

export interface MeasuredStore {
  readonly images: number;
  readonly bytes: number;
  readonly measuredAt: Date;
}

/** Counts the archives and their bytes: a request for every thousand of them. */
export async function measureStore(storage: Storage, measuredAt: Date): Promise<MeasuredStore> {
  let [images, bytes] = [0, 0];
  for await (const { size } of allArchives(storage)) {
    images += 1;
    bytes += size;
  }
  return { images, bytes, measuredAt };
}
