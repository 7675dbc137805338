import { CacheError } from '../../errors.ts';
import { discard } from './body.ts';
import { printableHost } from '../net/egress.ts';
import { Fault } from './fault.ts';
import type { Timing } from './timing.ts';
import type { Answer, Ask, Transport } from './transport.ts';

/** As every browser and reader has it, roughly. */
const MAX_REDIRECTS = 10;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export function isRedirect(answer: Answer): boolean {
  return REDIRECTS.has(answer.status);
}

/**
 * Where an answer sends us on to.
 * @throws {CacheError} registry_not_allowed where that is no http(s) address
 * @throws {Fault} where it says nowhere
 */
export function redirectTarget(answer: Answer): URL {
  const location = answer.headers.location;
  if (typeof location !== 'string' || !URL.canParse(location, answer.url.href)) {
    throw new Fault(`it answered ${answer.status} without saying where to`);
  }
  const target = new URL(location, answer.url);
  if (target.protocol !== 'https:' && target.protocol !== 'http:') {
    throw new CacheError(
      'registry_not_allowed',
      `${printableHost(answer.url)} redirected to an address of the kind ${target.protocol.slice(0, 20)}, which is refused.`,
    );
  }
  // A name and password there would become an Authorization header that nobody asked for.
  target.username = target.password = target.hash = '';
  return target;
}

/**
 * Follows an answer to the end of its redirects. The egress rules judge each hop. Authorization goes along
 * only while the origin stays the same: a MUST of the distribution specification, and storage refuses
 * requests that carry two kinds of authorization.
 */
export async function followRedirects(
  transport: Transport,
  timing: Timing,
  first: Answer,
  ask: Ask,
): Promise<Answer> {
  let answer = first;
  let headers = ask.headers ?? {};
  for (let hops = 0; isRedirect(answer); hops += 1) {
    if (hops === MAX_REDIRECTS) {
      answer.body.destroy();
      throw new Fault(`it redirected more than ${MAX_REDIRECTS} times`);
    }
    const target = redirectTarget(answer);
    await discard(answer, timing);
    if (target.origin !== answer.url.origin) headers = withoutAuthorization(headers);
    answer = await transport.send(target, { ...ask, headers });
  }
  return answer;
}

function withoutAuthorization(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !['authorization', 'cookie'].includes(name.toLowerCase())),
  );
}
