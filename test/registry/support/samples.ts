import { createHash, randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { type Digest, sha256Of } from '../../../src/image/digest.ts';
import type { Descriptor } from '../../../src/image/manifest.ts';
import { OCI_CONFIG, OCI_MANIFEST } from '../../../src/image/mediaTypes.ts';
import type { Registry } from '../../support/registry.ts';

/** An image small enough to be made up on the spot, with everything to compare a pull against. */
export interface SampleImage {
  readonly manifest: Buffer;
  readonly manifestDigest: Digest;
  readonly config: Buffer;
  readonly layers: readonly Buffer[];
  readonly configDescriptor: Descriptor;
  readonly layerDescriptors: readonly Descriptor[];
  /** Every blob by digest. */
  readonly blobs: ReadonlyMap<string, Buffer>;
}

/** @param sizes bytes of each layer. The client does not look inside one, so random bytes will do. */
export function sampleImage(sizes: readonly number[]): SampleImage {
  const layers = sizes.map((size) => randomBytes(size));
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => sha256Of(layer)) },
    }),
  );
  const configDescriptor = describeBlob(OCI_CONFIG, config);
  const layerDescriptors = layers.map((layer) =>
    describeBlob('application/vnd.oci.image.layer.v1.tar+gzip', layer),
  );
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: configDescriptor,
      layers: layerDescriptors,
    }),
  );
  return {
    manifest,
    manifestDigest: sha256Of(manifest),
    config,
    layers,
    configDescriptor,
    layerDescriptors,
    blobs: new Map([config, ...layers].map((blob) => [sha256Of(blob), blob])),
  };
}

export function describeBlob(mediaType: string, bytes: Buffer): Descriptor {
  return { mediaType, digest: sha256Of(bytes), size: bytes.length };
}

export function sha512Of(bytes: Uint8Array): Digest {
  return `sha512:${createHash('sha512').update(bytes).digest('hex')}`;
}

/** A layer that is a real gzip of nothing much. */
export function emptyGzip(): Buffer {
  return gzipSync(Buffer.alloc(1024));
}

/** Pushes over the registry's API, with every right. */
export async function push(
  registry: Registry,
  repository: string,
  tag: string,
  image: SampleImage,
): Promise<void> {
  for (const [digest, bytes] of image.blobs) {
    const started = await registry.fetch(`/v2/${repository}/blobs/uploads/`, { method: 'POST' });
    await started.body?.cancel();
    const location = new URL(started.headers.get('location') ?? '', registry.url);
    location.searchParams.set('digest', digest);
    await expectStatus(
      registry.fetch(location.pathname + location.search, {
        method: 'PUT',
        body: bytes,
        headers: { 'content-type': 'application/octet-stream' },
      }),
      201,
    );
  }
  await expectStatus(
    registry.fetch(`/v2/${repository}/manifests/${tag}`, {
      method: 'PUT',
      body: image.manifest,
      headers: { 'content-type': OCI_MANIFEST },
    }),
    201,
  );
}

async function expectStatus(
  response: Promise<{ status: number; text: () => Promise<string> }>,
  status: number,
): Promise<void> {
  const answer = await response;
  const text = await answer.text();
  if (answer.status !== status) throw new Error(`${answer.status}: ${text}`);
}
