import { BlobServiceClient } from '@azure/storage-blob';
import { LAYOUT_VERSION, planLayout } from '../../../src/archive/layout.ts';
import { parseDigest } from '../../../src/image/digest.ts';
import { imageOf } from '../../../src/image/image.ts';
import { parseManifest } from '../../../src/image/manifest.ts';
import { canonicalReference, familiarName, runReference } from '../../../src/image/reference.ts';
import { isoSeconds, toMetadata } from '../../../src/store/archive/archiveMetadata.ts';
import { archiveName } from '../../../src/store/archive/archiveNames.ts';
import type { PushedImage } from '../../support/push.ts';
import type { Registry } from '../../support/registry.ts';

/**
 * Puts an image into the cache's storage as if it had come from a public registry, which tests do not reach. Its
 * archive is what the app itself would have written. Returns the name by digest.
 */
export async function storeAsFrom(
  host: string,
  connectionString: string,
  registry: Registry,
  image: PushedImage,
): Promise<string> {
  const read = async (digest: string) =>
    Buffer.from(await (await registry.fetch(`/v2/${image.name}/blobs/${digest}`)).arrayBuffer());
  const name = { registry: host, repository: image.name };
  const manifestDigest = parseDigest(image.digest);
  const bytesOfManifest = Buffer.from(image.manifest);
  const parsed = parseManifest(bytesOfManifest, image.descriptor.mediaType, image.name);
  if (parsed.kind !== 'manifest') throw new Error(`${image.name} is an index.`);
  const manifest = { digest: manifestDigest, bytes: bytesOfManifest };
  const archive = imageOf(name, manifest, parsed, await read(image.imageId));
  const layout = planLayout(archive);
  const bytes = Buffer.alloc(layout.size);
  bytes.set(layout.head);
  for (const { header, start, dataStart, descriptor } of layout.layers) {
    bytes.set(header, start);
    bytes.set(await read(descriptor.digest), dataStart);
  }
  const now = isoSeconds(new Date());
  const metadata = toMetadata(
    {
      image: canonicalReference({ ...name, digest: manifestDigest }),
      platform: archive.platform ?? { os: 'linux', architecture: 'amd64' },
      manifestDigest,
      indexDigest: undefined,
      imageId: archive.config.digest,
      runRef: runReference(name, manifestDigest),
      createdAt: now,
      lastUsed: now,
    },
    LAYOUT_VERSION,
  );
  const container =
    BlobServiceClient.fromConnectionString(connectionString).getContainerClient('dockerimages');
  await container.createIfNotExists();
  await container
    .getBlockBlobClient(archiveName(name, manifestDigest))
    .upload(bytes, bytes.length, { metadata });
  return `${familiarName(name)}@${image.digest}`;
}
