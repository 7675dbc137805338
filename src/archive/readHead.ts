import { type Digest, isDigest, matchesDigest } from '../image/digest.ts';
import type { Document } from '../image/document.ts';
import { isObject, type JsonObject, parseJsonObject } from '../image/json.ts';
import { blobPath } from './indexFiles.ts';
import { padded, TAR_BLOCK } from './tarHeader.ts';

/** The documents in an archive's head, as they stand there. */
export interface ArchiveHead {
  /** Its media type is the one of index.json: a manifest need not name its own. */
  readonly manifest: Document;
  readonly config: Uint8Array;
}

/**
 * Finds manifest and config in the first bytes of an archive. Undefined where they are not whole in these bytes, or
 * are not what their digests name.
 */
export function readHead(bytes: Uint8Array, manifest: Digest, config: Digest): ArchiveHead | undefined {
  const files = readFiles(bytes);
  const blob = (digest: Digest): Uint8Array | undefined => {
    const content = files.get(blobPath(digest));
    return content !== undefined && matchesDigest(content, digest) ? content : undefined;
  };
  const [manifestBytes, configBytes] = [blob(manifest), blob(config)];
  const mediaType = manifestType(files.get('index.json'));
  return manifestBytes === undefined || configBytes === undefined || mediaType === undefined
    ? undefined
    : { manifest: { digest: manifest, mediaType, bytes: manifestBytes }, config: configBytes };
}

/** What an archive's head says of itself: nothing of it is proven. */
export interface HeadIdentity {
  /** `host/repository:tag`, with the archive's own tag. */
  readonly name: string;
  readonly config: Digest;
}

/**
 * Which image an archive is of, for when nobody else knows. Undefined where its first bytes do not say.
 * @param manifest the manifest's digest
 */
export function identifyHead(bytes: Uint8Array, manifest: Digest): HeadIdentity | undefined {
  const files = readFiles(bytes);
  const [entry] = arrayOf(parseFile(files.get('index.json'))?.manifests);
  const name = member(member(entry, 'annotations'), 'io.containerd.image.name');
  const config = member(member(parseFile(files.get(blobPath(manifest))), 'config'), 'digest');
  return typeof name === 'string' && typeof config === 'string' && isDigest(config)
    ? { name, config }
    : undefined;
}

function parseFile(content: Uint8Array | undefined): JsonObject | undefined {
  return content && parseJsonObject(Buffer.from(content).toString('utf8'));
}

function member(value: unknown, name: string): unknown {
  return isObject(value) ? value[name] : undefined;
}

function arrayOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The files of a tar that lie whole in its first bytes, by path. */
function readFiles(bytes: Uint8Array): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  let longPath: string | undefined;
  for (let offset = 0; offset + TAR_BLOCK <= bytes.length;) {
    const header = bytes.subarray(offset, offset + TAR_BLOCK);
    const path = longPath ?? latin1(header, 0, 100);
    const size = Number.parseInt(latin1(header, 124, 12), 8);
    if (path === '' || !Number.isSafeInteger(size)) break;
    const start = offset + TAR_BLOCK;
    const content = bytes.subarray(start, start + size);
    offset = start + padded(size);
    if (offset > bytes.length) break;
    longPath = latin1(header, 156, 1) === 'x' ? paxPath(content) : undefined;
    if (longPath === undefined) files.set(path, content);
  }
  return files;
}

/**
 * The path of the next entry, where it is longer than a header holds: `LENGTH path=…`, as tarHeader writes it.
 * https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13_03
 */
function paxPath(records: Uint8Array): string | undefined {
  return /^\d+ path=(.*)\n$/m.exec(Buffer.from(records).toString('latin1'))?.[1];
}

function manifestType(index: Uint8Array | undefined): string | undefined {
  const type = member(arrayOf(parseFile(index)?.manifests)[0], 'mediaType');
  return typeof type === 'string' ? type : undefined;
}

function latin1(header: Uint8Array, start: number, length: number): string {
  return Buffer.from(header.subarray(start, start + length))
    .toString('latin1')
    .replace(/[\0 ].*$/s, '');
}
