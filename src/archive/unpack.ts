import { once } from 'node:events';
import { createGunzip, createZstdDecompress } from 'node:zlib';

type Unpacker = ReturnType<typeof createGunzip> | ReturnType<typeof createZstdDecompress>;

export type Compression = 'gzip' | 'zstd';

/**
 * How a layer is compressed that begins with these bytes; undefined where it is not. A zstd layer may begin with a
 * skippable frame. https://www.rfc-editor.org/rfc/rfc8878#section-3.1.2
 */
export function compressionOf(start: Uint8Array): Compression | undefined {
  const magic = Buffer.from(start.subarray(0, 4)).toString('hex');
  if (magic.startsWith('1f8b')) return 'gzip';
  return /^28b52ffd$|^5[0-9a-f]2a4d18$/.test(magic) ? 'zstd' : undefined;
}

export function unpackerFor(compression: Compression): () => Unpacker;
export function unpackerFor(compression: Compression | undefined): (() => Unpacker) | undefined;
export function unpackerFor(compression: Compression | undefined): (() => Unpacker) | undefined {
  if (compression === undefined) return undefined;
  return compression === 'gzip' ? createGunzip : createZstdDecompress;
}

/**
 * Unpacks a whole layer: frames and members may follow one another, which Node's own streams stop at or pass over in
 * silence, and nothing else may.
 * @param take gets the unpacked bytes
 * @throws {Error} where the layer is damaged, cut short, or followed by what is not part of it
 */
export async function unpack(
  packed: AsyncIterable<Uint8Array>,
  newUnpacker: () => Unpacker,
  take: (bytes: Buffer) => void,
): Promise<void> {
  let member = new Member(newUnpacker(), take);
  for await (const chunk of packed) {
    for (let rest = chunk; rest.length > 0;) {
      rest = rest.subarray(await member.write(rest));
      if (rest.length === 0) break;
      await member.end();
      member = new Member(newUnpacker(), take);
    }
  }
  await member.end();
}

/** One member of a gzip file, or one frame of zstd. */
class Member {
  readonly #stream: Unpacker;
  readonly #ended: Promise<unknown>;

  constructor(stream: Unpacker, take: (bytes: Buffer) => void) {
    this.#stream = stream.on('data', take);
    this.#ended = once(stream, 'end');
    // Who awaits it is told.
    this.#ended.catch(() => undefined);
  }

  /** @returns how many of the bytes are of this member: all, unless it ends before */
  async write(bytes: Uint8Array): Promise<number> {
    const before = this.#stream.bytesWritten;
    const written = new Promise<void>((resolve) => this.#stream.write(bytes, () => resolve()));
    // Of a write that fails, only the stream itself tells.
    await Promise.race([written, this.#ended]);
    return this.#stream.bytesWritten - before;
  }

  async end(): Promise<void> {
    this.#stream.end();
    await this.#ended;
  }
}
