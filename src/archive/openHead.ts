import type { Digest } from '../image/digest.ts';
import { type Image, imageOf } from '../image/image.ts';
import { parseManifest } from '../image/manifest.ts';
import { canonicalReference, type RepositoryName } from '../image/reference.ts';
import { type Layout, planLayout } from './layout.ts';
import { readHead } from './readHead.ts';

/** An archive's own documents, and where its layers lie. */
export interface OpenArchive {
  readonly image: Image;
  readonly layout: Layout;
}

/**
 * Reads an archive back from its first bytes. Undefined where its documents are not whole in these bytes, or the
 * archive is not the one that this version's rules make of them.
 * @param size bytes of the whole archive
 */
export function openHead(
  bytes: Uint8Array,
  size: number,
  name: RepositoryName,
  manifest: Digest,
  config: Digest,
): OpenArchive | undefined {
  const head = readHead(bytes, manifest, config);
  if (head === undefined) return undefined;
  try {
    const parsed = parseManifest(head.manifest.bytes, head.manifest.mediaType, canonicalReference(name));
    if (parsed.kind !== 'manifest' || parsed.config.digest !== config) return undefined;
    const image = imageOf(name, head.manifest, parsed, head.config);
    const layout = planLayout(image);
    const isSame =
      layout.size === size && Buffer.compare(layout.head, bytes.subarray(0, layout.head.length)) === 0;
    return isSame ? { image, layout } : undefined;
  } catch {
    // Documents that an earlier version took, and this one does not.
    return undefined;
  }
}
