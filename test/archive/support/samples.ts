import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { type Layout, planLayout } from '../../../src/archive/layout.ts';
import { TAR_END_BYTES } from '../../../src/archive/tarHeader.ts';
import { type Digest, sha256Of } from '../../../src/image/digest.ts';
import { type Image, imageOf } from '../../../src/image/image.ts';
import { parseManifest } from '../../../src/image/manifest.ts';
import { OCI_CONFIG, OCI_MANIFEST } from '../../../src/image/mediaTypes.ts';

export const PLAIN_LAYER = 'application/vnd.oci.image.layer.v1.tar';
export const GZIP_LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';

export function sha512Of(bytes: Uint8Array | string): Digest {
  return `sha512:${createHash('sha512').update(bytes).digest('hex')}`;
}

export interface Sample {
  readonly image: Image;
  readonly layout: Layout;
  readonly contents: ReadonlyMap<Digest, Uint8Array>;
}

/** An image of these layers' bytes, with a config and a manifest that are JSON and no more. */
export function sample(layers: readonly Uint8Array[], digestOf = sha256Of): Sample {
  const contents = new Map(layers.map((bytes) => [digestOf(bytes), bytes]));
  const image = sampleImage(
    layers.map((bytes) => ({ mediaType: GZIP_LAYER, digest: digestOf(bytes), size: bytes.length })),
  );
  return { image, layout: planLayout(image), contents };
}

export function sampleImage(layers: Image['layers'], digestOf = sha256Of): Image {
  const config = Buffer.from('{"os":"linux","architecture":"amd64"}');
  // With blanks that a serialiser would not write: the manifest's bytes must arrive as they are.
  const manifest = Buffer.from(`{ "schemaVersion": 2,\n  "layers": ${layers.length} }\n`);
  return {
    name: { registry: 'docker.io', repository: 'library/sample' },
    platform: { os: 'linux', architecture: 'amd64' },
    manifest: { digest: digestOf(manifest), mediaType: OCI_MANIFEST, bytes: manifest },
    config: { digest: digestOf(config), mediaType: OCI_CONFIG, bytes: config },
    layers,
    diffIds: layers.map(({ digest }) => digest),
  };
}

/** An image of these layers, not compressed, whose config and manifest are real, and all known by such digests. */
export function wholeSample(layers: readonly Uint8Array[], digestOf = sha256Of): Sample {
  const descriptors = layers.map((bytes) => ({
    mediaType: PLAIN_LAYER,
    digest: digestOf(bytes),
    size: bytes.length,
  }));
  const config = Buffer.from(
    JSON.stringify({
      os: 'linux',
      architecture: 'amd64',
      rootfs: { type: 'layers', diff_ids: layers.map((bytes) => sha256Of(bytes)) },
    }),
  );
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: { mediaType: OCI_CONFIG, digest: digestOf(config), size: config.length },
      layers: descriptors,
    }),
  );
  const parsed = parseManifest(bytes, undefined, 'a sample');
  if (parsed.kind !== 'manifest') throw new Error('A sample is an index.');
  const name = { registry: 'docker.io', repository: 'team/whole' };
  const image = imageOf(name, { digest: digestOf(bytes), bytes }, parsed, config);
  const contents = new Map(layers.map((layer) => [digestOf(layer), layer]));
  return { image, layout: planLayout(image), contents };
}

/** Layers of sizes alone, for what never looks at their bytes. Each is another one. */
export function sizedLayout(sizes: readonly number[]): Layout {
  return planLayout(
    sampleImage(
      sizes.map((size, index) => ({ mediaType: GZIP_LAYER, digest: sha256Of(String(index)), size })),
    ),
  );
}

/** The whole archive, put together as its blocks are: header, content, padding. */
export function assemble({ layout, contents }: Sample): Buffer {
  const archive = Buffer.alloc(layout.size);
  archive.set(layout.head, 0);
  for (const { descriptor, header, start, dataStart } of layout.layers) {
    archive.set(header, start);
    archive.set(contents.get(descriptor.digest) ?? new Uint8Array(), dataStart);
  }
  // Zero already; written out because readers depend on it.
  archive.fill(0, layout.size - TAR_END_BYTES);
  return archive;
}

const GiB = 1024 ** 3;

/** Sizes of layers as they occur: nothing, an empty tar, small ones, sizes at a boundary, and giants. */
export const layerSizes = fc.array(
  fc.oneof(
    fc.constantFrom(0, 1, 511, 512, 513, 1024, 8 * GiB - 1, 8 * GiB),
    fc.integer({ min: 0, max: 64 * 1024 }),
    fc.integer({ min: 0, max: 3 * GiB }),
  ),
  { maxLength: 40 },
);
