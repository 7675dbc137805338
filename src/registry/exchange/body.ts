import { performance } from 'node:perf_hooks';
import { connectionError } from './connectionError.ts';
import { Fault } from './fault.ts';
import type { Timing } from './timing.ts';
import type { Answer } from './transport.ts';

/** Fewer bytes than this in a whole `stallMs` of waiting is a stall too, however steadily they drip. */
const STALL_PROGRESS_BYTES = 16 * 1024;
/** Error bodies: enough for every JSON that registries write, too little to hurt. */
const MAX_ERROR_BODY_BYTES = 64 * 1024;

/**
 * The bytes of an answer's body as they come. Only the time spent waiting for the other side counts
 * towards a stall, so a slow consumer does no harm. The connection is given up when the reader stops early.
 * @throws {Fault} stall, reset, a body shorter than its Content-Length
 */
export async function* readBody(answer: Answer, timing: Timing): AsyncGenerator<Uint8Array, void, void> {
  const { body } = answer;
  const iterator = body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  let waited = 0;
  let received = 0;
  try {
    for (;;) {
      const began = performance.now();
      const stalled = (): void => {
        body.destroy(new Fault(`it sent nothing for ${timing.stallMs / 1000} s`));
      };
      const timer = setTimeout(stalled, Math.max(1, timing.stallMs - waited));
      let next: IteratorResult<Uint8Array>;
      try {
        next = await iterator.next();
      } finally {
        clearTimeout(timer);
      }
      if (next.done === true) return;
      waited += performance.now() - began;
      received += next.value.length;
      if (received >= STALL_PROGRESS_BYTES) waited = received = 0;
      yield next.value;
    }
  } catch (error) {
    throw connectionError(error, answer.url);
  } finally {
    body.destroy();
  }
}

/**
 * A small body, whole.
 * @returns undefined where it is longer than `limit` bytes
 * @throws {Fault} as readBody does, and where the whole takes longer than `documentMs`
 */
export async function readDocument(
  answer: Answer,
  limit: number,
  timing: Timing,
): Promise<Buffer | undefined> {
  const slow = setTimeout(() => {
    answer.body.destroy(new Fault(`it took longer than ${timing.documentMs / 1000} s to send a document`));
  }, timing.documentMs);
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of readBody(answer, timing)) {
      length += chunk.length;
      if (length > limit) return undefined;
      chunks.push(chunk);
    }
  } finally {
    clearTimeout(slow);
  }
  return Buffer.concat(chunks, length);
}

/** The start of an error's body as text, or nothing: an error about an error helps nobody. */
export async function readErrorText(answer: Answer, timing: Timing): Promise<string> {
  try {
    return (await readDocument(answer, MAX_ERROR_BODY_BYTES, timing))?.toString('utf8') ?? '';
  } catch {
    return '';
  }
}

/** Reads to the end what is of no interest, where that keeps the connection for the next request. */
export async function discard(answer: Answer, timing: Timing): Promise<void> {
  await readErrorText(answer, timing);
}
