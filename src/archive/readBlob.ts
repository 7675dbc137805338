import { createHash } from 'node:crypto';
import type { Digest } from '../image/digest.ts';
import { type Compression, compressionOf, unpack, unpackerFor } from './unpack.ts';

/** One blob of an archive, read to its end. */
export interface ReadBlob {
  /** Bytes. */
  readonly size: number;
  /** Hex digits of what it holds, by algorithm. */
  readonly digests: ReadonlyMap<string, string>;
  /** Undefined where it is not compressed. */
  readonly compression: Compression | undefined;
  /** Of what it unpacks to. */
  readonly diffId: Digest;
  /** Bytes of that. */
  readonly unpacked: number;
  /** Of a blob that may be a document: small, and beginning as JSON does. */
  readonly bytes: Buffer | undefined;
}

/**
 * Reads one blob to its end.
 * @param keepBytes up to this size what may be a document is kept
 * @throws {Error} where it is compressed, and does not unpack
 */
export async function readBlob(
  entry: AsyncIterable<Buffer>,
  name: string,
  size: number,
  keepBytes: number,
): Promise<ReadBlob> {
  const iterator = entry[Symbol.asyncIterator]();
  const first = await iterator.next();
  const start = first.done === true ? Buffer.alloc(0) : first.value;
  const compression = compressionOf(start);
  const newUnpacker = unpackerFor(compression);
  const keep = size <= keepBytes && /^\s*[[{]/.test(start.toString('latin1', 0, 64));

  // A sha512 is rare, and costs half as much again: it is made only where a name asks for it.
  const algorithms = name.includes('/sha512/') ? ['sha256', 'sha512'] : ['sha256'];
  const packedHashes = new Map(algorithms.map((algorithm) => [algorithm, createHash(algorithm)]));
  const unpackedHash = createHash('sha256');
  const kept: Buffer[] = [];
  let unpacked = 0;
  const take = (chunk: Buffer): void => {
    unpackedHash.update(chunk);
    unpacked += chunk.length;
    if (keep) kept.push(chunk);
  };
  const packed = async function* () {
    for (let step = first; step.done !== true; step = await iterator.next()) {
      for (const hash of packedHashes.values()) hash.update(step.value);
      yield step.value;
    }
  };
  try {
    if (newUnpacker === undefined) for await (const chunk of packed()) take(chunk);
    else await unpack(packed(), newUnpacker, take);
  } catch (cause) {
    throw new Error(`${name} does not unpack: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
  return {
    size,
    compression,
    digests: new Map([...packedHashes].map(([algorithm, hash]) => [algorithm, hash.digest('hex')])),
    diffId: `sha256:${unpackedHash.digest('hex')}`,
    unpacked,
    bytes: keep ? Buffer.concat(kept) : undefined,
  };
}
