import type { Failure } from '../errors.ts';

/** What a script can tell from the exit code, in the order in which the usage lists it. */
export const EXIT = {
  done: { code: 0, meaning: 'done' },
  failed: { code: 1, meaning: 'failed, and trying the same again will not help' },
  usage: {
    code: 2,
    meaning: 'the command, or a file that says where the service is, could not be understood',
  },
  notNow: {
    code: 3,
    meaning: 'not now: service, registry or storage cannot be had, or it is on its way; try again',
  },
  notCached: { code: 4, meaning: 'lookup, show, verify, remove: the image is not cached' },
  refused: {
    code: 5,
    meaning: 'refused: a key, a token or a permission is missing, here or at the registry',
  },
  interrupted: { code: 130, meaning: 'interrupted (143: terminated)' },
} as const;

const REFUSALS: ReadonlySet<string> = new Set([
  'unauthorized',
  'forbidden',
  'registry_denied',
  'registry_not_allowed',
]);

/** The exit code of one failure: of the service's own, or of one that it told. */
export function exitCodeOf({
  code,
  retryable,
}: Pick<Failure, 'retryable'> & { readonly code: string }): number {
  if (retryable) return EXIT.notNow.code;
  if (code === 'image_not_cached') return EXIT.notCached.code;
  return REFUSALS.has(code) ? EXIT.refused.code : EXIT.failed.code;
}

/** The exit code of several images. Where they failed in different ways, no single remedy helps: 1. */
export function exitCodeOfAll(codes: readonly number[]): number {
  const failures = new Set(codes.filter((code) => code !== EXIT.done.code));
  const [only = EXIT.done.code] = failures;
  return failures.size <= 1 ? only : EXIT.failed.code;
}
