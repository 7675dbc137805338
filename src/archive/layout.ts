import { algorithmOf, type Digest } from '../image/digest.ts';
import type { Document } from '../image/document.ts';
import type { Image } from '../image/image.ts';
import type { Descriptor } from '../image/manifest.ts';
import {
  blobPath,
  dockerManifest,
  OCI_LAYOUT,
  ociIndex,
  type TaggedImage,
  underRunTag,
} from './indexFiles.ts';
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

/** Where everything in an archive lies. */
export interface Geometry {
  /** Bytes before the first layer. */
  readonly headSize: number;
  /** In the manifest's order, each digest once. */
  readonly layers: readonly LayerExtent[];
  /** Of the whole archive, its end marker included. */
  readonly size: number;
}

/** A whole archive, known byte for byte but for the layers' contents, before any of them is pulled. */
export interface Layout extends Geometry {
  /** Everything before the first layer: index files, directories, config and manifest. */
  readonly head: Uint8Array;
}

/**
 * Lays out the archive of one image: a tar that is a `docker save` archive and an OCI image layout at once.
 * https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
export function planLayout(image: Image): Layout {
  return layOut([underRunTag(image)], []);
}

/**
 * Lays out a file of several images, under tags of their own, with the indexes that led to them. What they have in
 * common is in it once.
 */
export function planExport(
  images: readonly TaggedImage[],
  indexes: readonly Pick<Document, 'digest' | 'bytes'>[],
): Layout {
  return layOut(images, indexes);
}

function layOut(
  tagged: readonly TaggedImage[],
  indexes: readonly Pick<Document, 'digest' | 'bytes'>[],
): Layout {
  const text = (content: string): Uint8Array => Buffer.from(content, 'utf8');
  const layers = tagged.flatMap(({ image }) => image.layers);
  const documents = new Map(
    [...tagged.flatMap(({ image }) => [image.config, image.manifest]), ...indexes].map((document) => [
      document.digest,
      document,
    ]),
  );
  const algorithms = new Set([...documents.keys(), ...layers.map(({ digest }) => digest)].map(algorithmOf));
  const head = Buffer.concat([
    ...file('manifest.json', text(dockerManifest(tagged))),
    ...file('oci-layout', text(OCI_LAYOUT)),
    ...file('index.json', text(ociIndex(tagged))),
    // Directories are entries of their own: some readers create no parents.
    tarHeader('blobs/', 0, 'directory'),
    ...[...algorithms].sort().map((algorithm) => tarHeader(`blobs/${algorithm}/`, 0, 'directory')),
    ...[...documents.values()].flatMap(({ digest, bytes }) => file(blobPath(digest), bytes)),
  ]);
  return { head, ...geometryOf(head.length, layers, [...documents.keys()]) };
}

/**
 * Where the layers lie behind a head of so many bytes.
 * @param inHead digests of what the head holds: a layer that is the same blob is not stored again
 */
export function geometryOf(
  headSize: number,
  layers: readonly Descriptor[],
  inHead: readonly Digest[],
): Geometry {
  const extents: LayerExtent[] = [];
  const seen = new Set(inHead);
  let start = headSize;
  for (const descriptor of layers) {
    if (seen.has(descriptor.digest)) continue;
    seen.add(descriptor.digest);
    const header = tarHeader(blobPath(descriptor.digest), descriptor.size, 'file');
    const dataStart = start + header.length;
    const end = dataStart + padded(descriptor.size);
    extents.push({ descriptor, header, start, dataStart, dataEnd: dataStart + descriptor.size, end });
    start = end;
  }
  return { headSize, layers: extents, size: start + TAR_END_BYTES };
}

function file(path: string, content: Uint8Array): Uint8Array[] {
  const padding = new Uint8Array(padded(content.length) - content.length);
  return [tarHeader(path, content.length, 'file'), content, padding];
}
