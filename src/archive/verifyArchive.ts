import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar-stream';
import { type Digest } from '../image/digest.ts';
import { parseImageConfig } from '../image/imageConfig.ts';
import { MAX_MANIFEST_BYTES, parseManifest } from '../image/manifest.ts';
import { blobPath } from './indexFiles.ts';
import { readBlob, type ReadBlob } from './readBlob.ts';

export interface VerifiedArchive {
  readonly manifestDigest: Digest;
  readonly imageId: Digest;
  readonly repoTags: readonly string[];
  readonly layers: number;
  /** Bytes of the layers, unpacked. */
  readonly unpackedBytes: number;
}

/**
 * Reads an archive as a suspicious node would: every blob against the digest in its name, manifest against config,
 * and every layer, unpacked, against the diff id that the config gives it.
 * @throws {Error} saying what is wrong
 */
export async function verifyArchive(archive: Readable): Promise<VerifiedArchive> {
  const files = new Map<string, Buffer>();
  const blobs = new Map<string, ReadBlob>();
  const entries = extract();
  // What ends the archive early ends its entries, which are read here.
  pipeline(archive, entries).catch(() => undefined);
  for await (const entry of entries) {
    const { name, type } = entry.header;
    if (type === 'directory') entry.resume();
    else if (name.startsWith('blobs/')) {
      const blob = await readNamed(entry, name, entry.header.size);
      blobs.set(name, blob);
      if (blob.bytes !== undefined) files.set(name, blob.bytes);
    } else files.set(name, await buffer(entry));
  }
  const json = (name: string): unknown => JSON.parse(need(files.get(name), `${name} is missing`).toString());

  const [docker] = json('manifest.json') as { Config: string; RepoTags: string[]; Layers: string[] }[];
  const index = json('index.json') as { manifests: { digest: Digest }[] };
  const { digest: manifestDigest } = need(index.manifests[0], 'index.json names no manifest');
  const manifestBytes = need(
    files.get(blobPath(manifestDigest)),
    `the manifest ${manifestDigest} is missing`,
  );
  const manifest = parseManifest(manifestBytes, undefined, 'the archive');
  if (manifest.kind !== 'manifest') throw new Error('index.json does not lead to a manifest');
  const { Config, RepoTags, Layers } = need(docker, 'manifest.json is empty');
  if (Config !== blobPath(manifest.config.digest))
    throw new Error('manifest.json and the manifest name different configs');
  const config = parseImageConfig(need(files.get(Config), 'the config is missing'), manifest, 'the archive');
  let unpackedBytes = 0;
  manifest.layers.forEach((layer, position) => {
    const path = blobPath(layer.digest);
    const blob = need(blobs.get(path), `layer ${layer.digest} is missing`);
    if (Layers[position] !== path) throw new Error(`manifest.json lists another layer ${position + 1}`);
    if (blob.size !== layer.size)
      throw new Error(`layer ${layer.digest} has ${blob.size} bytes, not ${layer.size}`);
    if (blob.diffId !== config.diffIds[position])
      throw new Error(`layer ${layer.digest} does not unpack to its diff id`);
    unpackedBytes += blob.unpacked;
  });
  return {
    manifestDigest,
    imageId: manifest.config.digest,
    repoTags: RepoTags,
    layers: manifest.layers.length,
    unpackedBytes,
  };
}

/** @throws {Error} where its bytes are not what its name says */
async function readNamed(entry: AsyncIterable<unknown>, name: string, size: number): Promise<ReadBlob> {
  const blob = await readBlob(entry as AsyncIterable<Buffer>, name, size, MAX_MANIFEST_BYTES);
  if (!name.endsWith(`/${blob.digests.get(name.split('/')[1] ?? 'sha256') ?? ''}`))
    throw new Error(`${name} does not hold what its name says`);
  return blob;
}

function need<T>(value: T | undefined, otherwise: string): T {
  if (value === undefined) throw new Error(otherwise);
  return value;
}
