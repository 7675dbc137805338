import type { ServiceEvent } from '../../../src/telemetry/serviceEvents.ts';

type EventOf<T extends ServiceEvent['type']> = Required<Extract<ServiceEvent, { readonly type: T }>>;

const RUN = {
  run: '01234567',
  registry: 'registry.example',
  image: 'registry.example/team/app:1',
  platform: 'linux/amd64',
} as const;

/** One event of each type, with every member that it can have: the compiler sees to it that none is left out. */
export const SAMPLE_EVENTS: { readonly [T in ServiceEvent['type']]: EventOf<T> } = {
  lookup: { type: 'lookup', outcome: 'hit', image: RUN.image, platform: RUN.platform, size: 10_240 },
  image_cached: {
    type: 'image_cached',
    ...RUN,
    manifestDigest: `sha256:${'0'.repeat(64)}`,
    bytes: 10_240,
    seconds: 12.5,
    phases: { resolveSeconds: 0.5, copySeconds: 1.5, commitSeconds: 0.25, waitSeconds: 10 },
  },
  image_failed: { type: 'image_failed', ...RUN, code: 'registry_denied' },
  registry_wait: { type: 'registry_wait', ...RUN, code: 'registry_throttled', seconds: 45 },
  bytes_pulled: { type: 'bytes_pulled', ...RUN, source: 'redirect', bytes: 10_000 },
  prune: {
    type: 'prune',
    deleted: 2,
    held: 1,
    failed: 3,
    kept: 5,
    bytes: 20_480,
    complete: false,
    seconds: 3.5,
  },
  warm: {
    type: 'warm',
    ready: 4,
    pending: 1,
    failed: 2,
    unlisted: 1,
    complete: true,
    seconds: 8.5,
  },
  store: { type: 'store', images: 5, bytes: 51_200 },
  retry: { type: 'retry', host: RUN.registry, what: 'reading', reason: '503', failures: 1, waitMs: 500 },
  resume: { type: 'resume', host: RUN.registry, digest: 'sha256:0', position: 4096, reread: 0 },
  quota: { type: 'quota', host: RUN.registry, quota: { limit: 100, remaining: 3, windowSeconds: 21_600 } },
  warning: { type: 'warning', host: RUN.registry, text: 'It leads elsewhere.' },
};
