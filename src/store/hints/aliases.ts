import { type Digest, isDigest } from '../../image/digest.ts';
import { parseJsonObject } from '../../image/json.ts';
import type { Platform } from '../../image/platform.ts';
import type { RepositoryName } from '../../image/reference.ts';
import { digestAliasName, tagAliasName } from './hintNames.ts';
import { readBlob, type Storage, storing } from '../storage.ts';

/** Aliases are small JSON blobs, `{"digest": "sha256:…"}`. They are hints: a missing or broken one is no error. */

export function readTag(storage: Storage, name: RepositoryName, tag: string): Promise<Digest | undefined> {
  return readAlias(storage, tagAliasName(name, tag));
}

export function writeTag(storage: Storage, name: RepositoryName, tag: string, digest: Digest): Promise<void> {
  return writeAlias(storage, tagAliasName(name, tag), digest);
}

export function readManifestOf(
  storage: Storage,
  name: RepositoryName,
  digest: Digest,
  platform: Platform,
): Promise<Digest | undefined> {
  return readAlias(storage, digestAliasName(name, digest, platform));
}

export function writeManifestOf(
  storage: Storage,
  name: RepositoryName,
  digest: Digest,
  platform: Platform,
  manifest: Digest,
): Promise<void> {
  return writeAlias(storage, digestAliasName(name, digest, platform), manifest);
}

async function readAlias(storage: Storage, blob: string): Promise<Digest | undefined> {
  const found = await readBlob('reading an alias', storage.index.getBlobClient(blob));
  const digest = found && parseJsonObject(found.bytes.toString('utf8'))?.digest;
  return typeof digest === 'string' && isDigest(digest) ? digest : undefined;
}

async function writeAlias(storage: Storage, blob: string, digest: Digest): Promise<void> {
  const body = JSON.stringify({ digest });
  await storing('writing an alias', () =>
    storage.index.getBlockBlobClient(blob).upload(body, Buffer.byteLength(body), {
      blobHTTPHeaders: { blobContentType: 'application/json' },
    }),
  );
}
