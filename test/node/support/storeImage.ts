import { BlobServiceClient } from '@azure/storage-blob';
import type { ArchiveImage } from '../../../src/archive/indexFiles.ts';
import { LAYOUT_VERSION, planLayout } from '../../../src/archive/layout.ts';
import { parseDigest } from '../../../src/image/digest.ts';
import { canonicalReference, familiarName, runReference } from '../../../src/image/reference.ts';
import { isoSeconds, toMetadata } from '../../../src/store/archive/archives.ts';
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
  const archive: ArchiveImage = {
    name,
    platform: { os: 'linux', architecture: 'amd64' },
    manifest: {
      digest: manifestDigest,
      mediaType: image.descriptor.mediaType,
      bytes: Buffer.from(image.manifest),
    },
    config: { digest: parseDigest(image.imageId), bytes: await read(image.imageId) },
    layers: image.layers.map(({ mediaType, digest, size }) => ({
      mediaType,
      digest: parseDigest(digest),
      size,
    })),
  };
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
      platform: archive.platform,
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
