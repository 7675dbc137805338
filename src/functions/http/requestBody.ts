import type { HttpRequest } from '@azure/functions';
import { MAX_BODY_BYTES } from '../../api/limits.ts';
import { CacheError } from '../../errors.ts';
import { BODY_MS } from './deadlines.ts';

/**
 * The request's body as text. Once begun, a body is read to its end, also where it is refused: with streams on, the
 * host may never answer a request whose body was broken off, and keeps its invocation until functionTimeout. Where
 * it does not end in time, the answer goes out, and what still comes is thrown away as it comes.
 * @param deadlineMs until the body has arrived
 * @throws {CacheError} invalid_request where it is too large, too slow, cut off, or no UTF-8
 */
export async function readText(request: Pick<HttpRequest, 'body'>, deadlineMs = BODY_MS): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const read = async (): Promise<'whole' | 'cut off'> => {
    try {
      for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
        size += chunk.length;
        if (size <= MAX_BODY_BYTES) chunks.push(chunk);
        else chunks.length = 0;
      }
      return 'whole';
    } catch {
      return 'cut off';
    }
  };
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), deadlineMs);
  });
  const end = await Promise.race([read(), late]);
  clearTimeout(timer);
  if (size > MAX_BODY_BYTES) throw wrong(`is larger than ${MAX_BODY_BYTES} bytes`);
  if (end === 'cut off') throw wrong(`was cut off after ${size} bytes`);
  if (end === 'late') {
    throw wrong(`did not arrive within ${deadlineMs / 1000} s: only ${size} bytes came. Send it again`);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw wrong('is not UTF-8 text');
  }
}

/**
 * The request's body as JSON.
 * @throws {CacheError} invalid_request where it is none, and as readText does
 */
export async function readJson(request: HttpRequest): Promise<unknown> {
  const text = await readText(request);
  try {
    return JSON.parse(text);
  } catch {
    throw wrong('is not JSON. Send {"image": "ubuntu:24.04"}');
  }
}

/**
 * Of a call that deletes: who writes into a body what is to be spared must not find that nobody read it.
 * @param instead where to write it
 * @throws {CacheError} invalid_request where there is a body, but for `{}`, which some programs always send
 */
export async function refuseBody(request: Pick<HttpRequest, 'body'>, instead: string): Promise<void> {
  const text = (await readText(request)).trim();
  if (text !== '' && text !== '{}') throw wrong(`is not read by this call. ${instead}`);
}

function wrong(why: string): CacheError {
  return new CacheError('invalid_request', `The request's body ${why}.`);
}
