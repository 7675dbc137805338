import type { Descriptor } from '../../image/manifest.ts';
import type { Answer } from '../exchange/answer.ts';
import { Fault, webPage } from '../traffic/fault.ts';
import type { AskDetails } from '../exchange/transport.ts';
import { parseContentRange } from './contentRange.ts';
import type { BlobCoding } from './plainChunks.ts';

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
  readonly coding: BlobCoding;
}

/** Whole answers to range requests that are taken for a mishap of a server which has honoured ranges. */
const MAX_IGNORED_RANGES = 2;
/** How servers say that they take no Range, beside answering as if there was none. */
const RANGE_REFUSED: ReadonlySet<number> = new Set([400, 405, 416, 501]);

export function askFor({ start, end, ranged, signal }: BlobRequest): AskDetails {
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
   * @returns undefined where the answer is an error, which is not judged here; 'ask whole' where it may be for the
   * Range alone
   * @throws {Fault} where it is not what was asked for
   */
  accept(answer: Answer, request: BlobRequest, fromStorage: boolean): BlobAnswer | 'ask whole' | undefined {
    switch (answer.status) {
      case 206:
        return request.ranged
          ? this.#acceptRange(answer, request, fromStorage)
          : this.#acceptUnaskedRange(answer, request, fromStorage);
      case 200:
      case 203:
        return this.#acceptWhole(answer, request, fromStorage);
      default:
        if (request.ranged && RANGE_REFUSED.has(answer.status) && !this.#honoured) return this.#askWhole();
        if (answer.status !== 416) return undefined;
        this.#wholeOnly = true;
        throw new Fault('it has fewer bytes than the manifest says', {
          code: 'digest_mismatch',
          evidence: '416',
        });
    }
  }

  #acceptRange(answer: Answer, { start, end }: BlobRequest, fromStorage: boolean): BlobAnswer | 'ask whole' {
    const range = parseContentRange(answer.header('content-range'));
    const { size } = this.#descriptor;
    // A range of what is encoded is of other bytes; where the total is the blob's, it is only so labelled.
    const isOfOther = answer.codings.length > 0 && range?.total !== size;
    const isOfLength =
      answer.length === undefined || range === undefined || answer.length === range.end - range.start;
    if (range?.start !== start || range.end > end || isOfOther || !isOfLength) {
      if (!this.#honoured) return this.#askWhole();
      if (this.#ignored++ >= MAX_IGNORED_RANGES) this.#wholeOnly = true;
      throw new Fault('it sent another range than was asked for');
    }
    if (range.total !== undefined && range.total !== size) throw this.#otherSize(range.total);
    this.#honoured = true;
    this.#ignored = 0;
    return { answer, start, end: range.end, skip: 0, ranged: true, fromStorage, coding: this.#coding([]) };
  }

  /** A proxy that always answers with a part: it may be all there is. */
  #acceptUnaskedRange(answer: Answer, { start }: BlobRequest, fromStorage: boolean): BlobAnswer {
    const range = parseContentRange(answer.header('content-range'));
    const { size } = this.#descriptor;
    if (range?.start !== 0 || range.end !== size) {
      const reason = 'it sent a part of a blob that was asked for as a whole';
      throw new Fault(reason, { evidence: reason });
    }
    const coding = this.#coding([]);
    return { answer, start, end: size, skip: start, ranged: false, fromStorage, coding };
  }

  #acceptWhole(answer: Answer, { start }: BlobRequest, fromStorage: boolean): BlobAnswer {
    const { size } = this.#descriptor;
    const { codings, length } = answer;
    const isOtherLength = length !== undefined && length !== size;
    if (isOtherLength && codings.length === 0) {
      throw answer.isWebPage ? webPage(answer, 'a layer') : this.#otherSize(length);
    }
    if (start > 0 && this.#honoured && this.#ignored++ < MAX_IGNORED_RANGES)
      throw new Fault('it sent the whole blob although a range was asked for');
    const coding = this.#coding(length === size ? [] : codings, isOtherLength);
    return { answer, start, end: size, skip: start, ranged: false, fromStorage, coding };
  }

  #askWhole(): 'ask whole' {
    this.#wholeOnly = true;
    return 'ask whole';
  }

  #coding(codings: BlobCoding['codings'], isSure = false): BlobCoding {
    return { codings, isSure, mediaType: this.#descriptor.mediaType };
  }

  #otherSize(bytes: number): Fault {
    const { digest, size } = this.#descriptor;
    return new Fault(`it has ${bytes} bytes for ${digest}, the manifest says ${size}`, {
      code: 'digest_mismatch',
      evidence: `size ${bytes}`,
    });
  }
}
