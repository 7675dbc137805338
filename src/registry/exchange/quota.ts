import type { AnswerHeaders } from './answer.ts';

/** How much a registry still lets us pull. Docker Hub: https://docs.docker.com/docker-hub/usage/pulls/ */
export interface Quota {
  readonly limit: number;
  readonly remaining: number;
  readonly windowSeconds: number;
  /** Whom the registry counts: an address or an account id. */
  readonly source?: string;
}

/** Reads `ratelimit-limit: 100;w=21600`, `ratelimit-remaining: 76;w=21600` and `docker-ratelimit-source`. */
export function readQuota(headers: AnswerHeaders): Quota | undefined {
  const limit = parse(headers['ratelimit-limit']);
  const remaining = parse(headers['ratelimit-remaining']);
  if (limit === undefined || remaining === undefined) return undefined;
  const source = headers['docker-ratelimit-source'];
  return {
    limit: limit.count,
    remaining: remaining.count,
    windowSeconds: remaining.window ?? limit.window ?? 0,
    ...(typeof source === 'string' && { source: source.replace(/[^\w.:/-]/g, '').slice(0, 64) }),
  };
}

function parse(value: string | string[] | undefined): { count: number; window?: number } | undefined {
  const match = /^\s*(\d{1,9})\s*(?:;\s*w=(\d{1,9}))?/.exec(typeof value === 'string' ? value : '');
  if (match === null) return undefined;
  return { count: Number(match[1]), ...(match[2] !== undefined && { window: Number(match[2]) }) };
}

export function describeQuota(quota: Quota): string {
  const hours = quota.windowSeconds / 3600;
  return `${quota.remaining} of ${quota.limit} pulls left in ${hours >= 1 ? `${hours} h` : `${quota.windowSeconds} s`}`;
}
