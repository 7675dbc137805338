import { CacheError } from '../../errors.ts';
import { printableHost } from '../net/egressRules.ts';
import type { Answer } from './answer.ts';
import { Fault } from '../traffic/fault.ts';
import type { Ask, Transport } from './transport.ts';

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Which redirects are followed; the answer is the first one that is not. */
export interface RedirectPolicy {
  readonly follow: 'all' | 'within the origin' | 'none';
  /** Redirects after which it is a fault. */
  readonly hops: number;
}

/** As every browser and reader has it, roughly. */
const MAX_HOPS = 10;
export const FOLLOW_ALL: RedirectPolicy = { follow: 'all', hops: MAX_HOPS };
export const WITHIN_ORIGIN: RedirectPolicy = { follow: 'within the origin', hops: MAX_HOPS };
/** For what carries a secret in its body. */
export const FOLLOW_NONE: RedirectPolicy = { follow: 'none', hops: 0 };

export function isRedirect(answer: Answer): boolean {
  return REDIRECTS.has(answer.status);
}

/** Sends a request and follows its answer as the policy says. @throws {Fault | CacheError} as followRedirects does */
export async function sendFollowing(
  transport: Transport,
  url: URL,
  ask: Ask,
  policy: RedirectPolicy,
): Promise<Answer> {
  return followRedirects(transport, await transport.send(url, ask), ask, policy);
}

/**
 * Follows an answer along its redirects. The egress rules judge each hop. Authorization goes along only while the
 * origin stays the same, and does not come back: a MUST of the distribution specification, and storage refuses
 * requests that carry two kinds of authorization.
 * @param ask what `first` answered
 * @throws {Fault} where there are too many, or one says nowhere
 * @throws {CacheError} registry_not_allowed where one leads where no connection may
 */
export async function followRedirects(
  transport: Transport,
  first: Answer,
  ask: Ask,
  policy: RedirectPolicy,
): Promise<Answer> {
  let answer = first;
  let headers = ask.headers ?? {};
  const been = new Set([first.url.href]);
  for (let hops = 0; policy.follow !== 'none' && isRedirect(answer); hops += 1) {
    if (hops === policy.hops) {
      answer.destroy();
      throw lasting(answer, `it redirected more than ${policy.hops} times`);
    }
    const target = redirectTarget(answer, ask);
    const leaves = target.origin !== answer.url.origin;
    if (leaves && policy.follow === 'within the origin') return answer;
    if (been.has(target.href)) {
      answer.destroy();
      throw lasting(
        answer,
        'it redirects in a circle, as where a sign-in is wanted that only a browser can give',
      );
    }
    been.add(target.href);
    if (leaves) headers = withoutAuthorization(headers);
    await answer.discard();
    answer = await transport.send(target, { ...ask, headers });
  }
  return answer;
}

/** The next request would be answered in the same way. */
function lasting(answer: Answer, reason: string): Fault {
  return new Fault(reason, { host: printableHost(answer.url), isLasting: true });
}

function redirectTarget(answer: Answer, { subject }: Ask): URL {
  const location = answer.header('location');
  if (location === undefined || !URL.canParse(location, answer.url.href)) {
    answer.destroy();
    throw lasting(answer, `it answered ${answer.status} without saying where to`);
  }
  const target = new URL(location, answer.url);
  if (target.protocol !== 'https:' && target.protocol !== 'http:') {
    answer.destroy();
    throw new CacheError(
      'registry_not_allowed',
      `${subject.image} cannot be had: ${printableHost(answer.url)} redirected to an address of the kind ${target.protocol.slice(0, 20)}, which is refused.`,
    );
  }
  // A name and password there would become an Authorization header that nobody asked for.
  target.username = target.password = target.hash = '';
  return target;
}

function withoutAuthorization(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !['authorization', 'cookie'].includes(name.toLowerCase())),
  );
}
