import { promisify } from 'node:util';
import { constants, gunzip } from 'node:zlib';
import { layerCompression } from '../../image/mediaTypes.ts';
import { type ContentCoding, decodeChunks } from '../exchange/contentCoding.ts';

const MAGIC: Readonly<Record<ContentCoding, readonly number[]>> = {
  gzip: [0x1f, 0x8b],
  zstd: [0x28, 0xb5, 0x2f, 0xfd],
  deflate: [0x78],
  br: [],
};
/** Of what the first chunk may come to: what was compressed twice does not grow. */
const MAX_PEEK_BYTES = 1024 * 1024;

/** What a blob's answer says of its coding. */
export interface BlobCoding {
  /** Outermost first; none where the bytes are the blob's own. */
  readonly codings: readonly ContentCoding[];
  /** Its length shows that it is really encoded; else its first bytes have to tell. */
  readonly isSure: boolean;
  /** Of the blob, as its manifest has it. */
  readonly mediaType: string;
}

/**
 * A blob's own bytes. Many stores label compressed layers with a coding that they are not in, so the label alone
 * decides nothing.
 */
export async function* plainChunks(
  chunks: AsyncGenerator<Uint8Array, void, void>,
  { codings, isSure, mediaType }: BlobCoding,
): AsyncGenerator<Uint8Array, void, void> {
  const [outermost] = codings;
  if (outermost === undefined) return yield* chunks;
  if (isSure) return yield* decodeChunks(chunks, codings);
  const first = await chunks.next();
  if (first.done === true) return;
  const all = startingWith(first.value, chunks);
  yield* (await looksEncoded(first.value, outermost, mediaType)) ? decodeChunks(all, codings) : all;
}

async function* startingWith(
  first: Uint8Array,
  rest: AsyncGenerator<Uint8Array, void, void>,
): AsyncGenerator<Uint8Array, void, void> {
  yield first;
  yield* rest;
}

async function looksEncoded(first: Uint8Array, coding: ContentCoding, mediaType: string): Promise<boolean> {
  if (!startsAs(first, coding)) return false;
  if (layerCompression(mediaType) !== coding) return true;
  // A gzip layer in a gzip coding is a gzip file in a gzip file.
  if (coding !== 'gzip') return false;
  const options = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: MAX_PEEK_BYTES };
  const inside = await promisify(gunzip)(first, options).catch(() => undefined);
  return inside !== undefined && inside.length > 0 && startsAs(inside, coding);
}

function startsAs(bytes: Uint8Array, coding: ContentCoding): boolean {
  return MAGIC[coding].every((byte, index) => bytes[index] === byte);
}
