import type { Descriptor } from '../../image/manifest.ts';
import type { Answer } from '../exchange/answer.ts';
import { Fault } from '../exchange/fault.ts';
import type { Ask } from '../exchange/transport.ts';
import { parseContentRange } from './contentRange.ts';

/** One request for the bytes [start, end) of a blob. */
export interface BlobRequest {
  readonly start: number;
  readonly end: number;
  /** False to ask for the whole blob, as for one that is read at once. */
  readonly ranged: boolean;
  readonly signal: AbortSignal | undefined;
}

/** An answer that holds a blob's bytes from `start` to `end`, after `skip` bytes that were not asked for. */
export interface BlobAnswer {
  readonly answer: Answer;
  readonly start: number;
  readonly end: number;
  readonly skip: number;
  /** The server kept to the range that was asked for. */
  readonly ranged: boolean;
  /** It came from where the registry sent us, not from the registry. */
  readonly fromStorage: boolean;
}

/** Whole answers to range requests that are taken for a mishap before the server is believed. */
const MAX_IGNORED_RANGES = 2;

export function askFor({ start, end, ranged, signal }: BlobRequest): Ask {
  return {
    method: 'GET',
    purpose: 'blob',
    headers: { accept: '*/*', ...(ranged && { range: `bytes=${start}-${end - 1}` }) },
    signal,
  };
}

/** Holds answers against what was asked for, and remembers what they show of the servers' ranges. */
export class RangeCheck {
  readonly #descriptor: Descriptor;
  #honoured = false;
  #ignored = 0;
  #wholeOnly = false;

  constructor(descriptor: Descriptor) {
    this.#descriptor = descriptor;
  }

  /** Ranges have been answered wrongly so often that the whole blob is asked for. */
  get wholeOnly(): boolean {
    return this.#wholeOnly;
  }

  /**
   * @returns undefined where the answer is an error, which is not judged here
   * @throws {Fault} where it is not what was asked for
   */
  accept(answer: Answer, request: BlobRequest, fromStorage: boolean): BlobAnswer | undefined {
    if (answer.isEncoded)
      throw new Fault('it encoded a blob that was asked for as it is', { code: 'digest_mismatch' });
    switch (answer.status) {
      case 206:
        return this.#acceptRange(answer, request, fromStorage);
      case 200:
        return this.#acceptWhole(answer, request, fromStorage);
      case 416:
        this.#wholeOnly = true;
        throw new Fault('it has fewer bytes than the manifest says', { code: 'digest_mismatch' });
      default:
        return undefined;
    }
  }

  #acceptRange(answer: Answer, { start, end, ranged }: BlobRequest, fromStorage: boolean): BlobAnswer {
    const range = parseContentRange(answer.header('content-range'));
    if (!ranged || range?.start !== start || range.end > end) {
      if (this.#ignored++ >= MAX_IGNORED_RANGES) this.#wholeOnly = true;
      throw new Fault('it sent another range than was asked for');
    }
    if (range.total !== undefined && range.total !== this.#descriptor.size)
      throw this.#otherSize(range.total);
    if (answer.length !== undefined && answer.length !== range.end - range.start)
      throw new Fault('it sent a length that contradicts its range');
    this.#honoured = true;
    this.#ignored = 0;
    return { answer, start, end: range.end, skip: 0, ranged: true, fromStorage };
  }

  #acceptWhole(answer: Answer, { start }: BlobRequest, fromStorage: boolean): BlobAnswer {
    const { size } = this.#descriptor;
    if (answer.length !== undefined && answer.length !== size) throw this.#otherSize(answer.length);
    if (start > 0 && this.#honoured && this.#ignored++ < MAX_IGNORED_RANGES)
      throw new Fault('it sent the whole blob although a range was asked for');
    return { answer, start, end: size, skip: start, ranged: false, fromStorage };
  }

  #otherSize(bytes: number): Fault {
    const { digest, size } = this.#descriptor;
    return new Fault(`it has ${bytes} bytes for ${digest}, the manifest says ${size}`, {
      code: 'digest_mismatch',
    });
  }
}
