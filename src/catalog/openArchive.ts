import { type Layout, planLayout } from '../archive/layout.ts';
import { readHead } from '../archive/readHead.ts';
import { type Image, imageOf } from '../image/image.ts';
import { MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES, parseManifest } from '../image/manifest.ts';
import { parseReference } from '../image/reference.ts';
import { readFirstBytes } from '../store/archive/archiveBytes.ts';
import type { CachedImage } from '../store/archive/archives.ts';
import type { Storage } from '../store/storage.ts';

/** Nearly every head fits; for one that does not, all that a head can be is read. */
const HEAD_BYTES = 128 * 1024;
const MAX_HEAD_BYTES = MAX_MANIFEST_BYTES + MAX_CONFIG_BYTES + 2 * 1024 * 1024;

/** A cached archive's own documents, and where its layers lie. */
export interface OpenArchive {
  readonly image: Image;
  readonly layout: Layout;
}

/**
 * Reads an archive's documents from its first bytes, so that no hint and no registry is needed. Undefined where it is
 * gone, or was written by other rules than this version's.
 */
export async function openArchive(storage: Storage, cached: CachedImage): Promise<OpenArchive | undefined> {
  for (const count of [HEAD_BYTES, MAX_HEAD_BYTES]) {
    const bytes = await readFirstBytes(storage, cached.blob, Math.min(count, cached.size));
    if (bytes === undefined) return undefined;
    const head = readHead(bytes, cached.manifestDigest, cached.imageId);
    if (head === undefined) continue;
    const parsed = parseManifest(head.manifest.bytes, head.manifest.mediaType, cached.image);
    if (parsed.kind !== 'manifest') return undefined;
    const image = imageOf(parseReference(cached.image), head.manifest, parsed, head.config);
    const layout = planLayout(image);
    const isSame =
      layout.size === cached.size && Buffer.compare(layout.head, bytes.subarray(0, layout.head.length)) === 0;
    return isSame ? { image, layout } : undefined;
  }
  return undefined;
}
