import { algorithmOf, type Digest } from '../image/digest.ts';
import type { Descriptor } from '../image/manifest.ts';
import { type ArchiveImage, blobPath, dockerManifest, OCI_LAYOUT, ociIndex } from './indexFiles.ts';
import { padded, TAR_END_BYTES, tarHeader } from './tarHeader.ts';

/** Grows when the rules below change, since they decide an archive's bytes. Kept in its metadata. */
export const LAYOUT_VERSION = '1';

/** Where one layer lies in the archive. Offsets and sizes are bytes. */
export interface LayerExtent {
  readonly descriptor: Descriptor;
  readonly header: Uint8Array;
  /** Of the header. */
  readonly start: number;
  /** Of the layer's own first byte. */
  readonly dataStart: number;
  readonly dataEnd: number;
  /** After the padding: where the next entry begins. */
  readonly end: number;
}

/** A whole archive, known byte for byte but for the layers' contents, before any of them is pulled. */
export interface Layout {
  /** Everything before the first layer: documents, directories, config and manifest. */
  readonly head: Uint8Array;
  /** In the manifest's order, each digest once. */
  readonly layers: readonly LayerExtent[];
  /** Of the whole archive, its end marker included. */
  readonly size: number;
}

/**
 * Lays out the archive of one image: a tar that is a `docker save` archive and an OCI image layout at once.
 * https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
export function planLayout(image: ArchiveImage): Layout {
  const text = (content: string): Uint8Array => Buffer.from(content, 'utf8');
  const algorithms = new Set(
    [image.config.digest, image.manifest.digest, ...image.layers.map((layer) => layer.digest)].map(
      algorithmOf,
    ),
  );
  const head = Buffer.concat([
    ...file('manifest.json', text(dockerManifest(image))),
    ...file('oci-layout', text(OCI_LAYOUT)),
    ...file('index.json', text(ociIndex(image))),
    // Directories are entries of their own: some readers create no parents.
    tarHeader('blobs/', 0, 'directory'),
    ...[...algorithms].sort().map((algorithm) => tarHeader(`blobs/${algorithm}/`, 0, 'directory')),
    ...file(blobPath(image.config.digest), image.config.bytes),
    ...file(blobPath(image.manifest.digest), image.manifest.bytes),
  ]);

  const layers: LayerExtent[] = [];
  const seen = new Set<Digest>([image.config.digest, image.manifest.digest]);
  let start = head.length;
  for (const descriptor of image.layers) {
    if (seen.has(descriptor.digest)) continue;
    seen.add(descriptor.digest);
    const header = tarHeader(blobPath(descriptor.digest), descriptor.size, 'file');
    const dataStart = start + header.length;
    const end = dataStart + padded(descriptor.size);
    layers.push({ descriptor, header, start, dataStart, dataEnd: dataStart + descriptor.size, end });
    start = end;
  }
  return { head, layers, size: start + TAR_END_BYTES };
}

function file(path: string, content: Uint8Array): Uint8Array[] {
  const padding = new Uint8Array(padded(content.length) - content.length);
  return [tarHeader(path, content.length, 'file'), content, padding];
}
