import { pipeline, Readable, type Transform } from 'node:stream';
import { promisify } from 'node:util';
import {
  brotliDecompress,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
  gunzip,
  inflate,
  inflateRaw,
  zstdDecompress,
} from 'node:zlib';
import { Fault } from '../traffic/fault.ts';

/**
 * A coding that a server put around what was asked for. It belongs to the message and not to the content, so a
 * digest is of what is inside. https://www.rfc-editor.org/rfc/rfc9110#section-8.4
 */
export type ContentCoding = 'gzip' | 'deflate' | 'br' | 'zstd';

const CODINGS: Readonly<Record<string, ContentCoding>> = {
  gzip: 'gzip',
  'x-gzip': 'gzip',
  deflate: 'deflate',
  br: 'br',
  zstd: 'zstd',
};

/** How many codings may lie around each other. */
const MAX_CODINGS = 3;

/** @returns the codings to undo, the outermost first; undefined where one of them is unknown */
export function parseCodings(header: string | readonly string[] | undefined): ContentCoding[] | undefined {
  const names = [header ?? []]
    .flat()
    .join(',')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '' && name !== 'identity' && name !== 'none');
  const codings = names.map((name) => CODINGS[name]).filter((coding) => coding !== undefined);
  return codings.length === names.length && names.length <= MAX_CODINGS ? codings.reverse() : undefined;
}

type Decode = (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Buffer>;

const DECODE: Readonly<Record<ContentCoding, readonly Decode[]>> = {
  gzip: [promisify(gunzip)],
  // Some servers leave the frame out that the name stands for.
  deflate: [promisify(inflate), promisify(inflateRaw)],
  br: [promisify(brotliDecompress)],
  zstd: [promisify(zstdDecompress)],
};

/**
 * A small body without its codings.
 * @param limit bytes that may come of it; a bomb is given up there
 * @returns undefined where the body is not so encoded, or too large
 */
export async function decodeWhole(
  bytes: Uint8Array,
  codings: readonly ContentCoding[],
  limit: number,
): Promise<Uint8Array | undefined> {
  let decoded: Uint8Array | undefined = bytes;
  for (const coding of codings) decoded = decoded && (await decodeOne(decoded, coding, limit));
  return decoded;
}

async function decodeOne(
  bytes: Uint8Array,
  coding: ContentCoding,
  limit: number,
): Promise<Uint8Array | undefined> {
  for (const decode of DECODE[coding]) {
    const decoded = await decode(bytes, { maxOutputLength: limit }).catch(() => undefined);
    if (decoded !== undefined) return decoded;
  }
  return undefined;
}

const DECODER: Readonly<Record<ContentCoding, () => Transform>> = {
  gzip: createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
};

/**
 * A body's chunks without their codings, as they come; no more is in memory than one chunk makes.
 * @throws {Fault} digest_mismatch where the body is not so encoded; otherwise what the chunks throw
 */
export async function* decodeChunks(
  chunks: AsyncIterable<Uint8Array>,
  codings: readonly ContentCoding[],
): AsyncGenerator<Uint8Array, void, void> {
  let failure: unknown;
  const decoders = codings.map((coding) => DECODER[coding]());
  const decoded = decoders.at(-1);
  if (decoded === undefined) {
    yield* chunks;
    return;
  }
  pipeline([Readable.from(chunks), ...decoders], (error) => {
    failure = error;
  });
  try {
    for await (const chunk of decoded) yield chunk as Uint8Array;
  } catch (error) {
    const cause = failure ?? error;
    if (cause instanceof Fault) throw cause;
    const reason = `it names the coding ${codings.join(', ')}, which its answer is not in`;
    throw new Fault(reason, { code: 'digest_mismatch', evidence: reason, cause });
  }
}
