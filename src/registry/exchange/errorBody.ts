import { isObject, type JsonObject, parseJsonObject } from '../../image/json.ts';

/** https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes */
export interface RegistryError {
  /** `MANIFEST_UNKNOWN`, `TOOMANYREQUESTS`, …; empty where the registry names none. */
  readonly code: string;
  readonly message: string;
}

/** What a registry or a realm says in an answer that is an error. */
export interface ErrorBody {
  readonly status: number;
  readonly errors: readonly RegistryError[];
}

/** More than these say nothing new. */
const MAX_ERRORS = 3;

/** The `errors` of a body, or the body itself where it is one error; nothing of a page meant for browsers. */
export function parseErrors(text: string): RegistryError[] {
  const body = parseJsonObject(text);
  if (body === undefined) return [];
  const errors: readonly unknown[] = Array.isArray(body.errors) ? body.errors : [body];
  return errors
    .slice(0, MAX_ERRORS)
    .filter(isObject)
    .map((error) => ({
      code: textOf(error, 'code'),
      message: textOf(error, 'message') || textOf(error, 'details'),
    }))
    .filter(({ code, message }) => code !== '' || message !== '');
}

function textOf(error: JsonObject, member: string): string {
  const value = error[member];
  return typeof value === 'string' ? value : '';
}

/** One line for a message. */
export function describeErrors(errors: readonly RegistryError[]): string {
  return errors
    .map(({ code, message }) => [code, message].filter((text) => text !== '').join(': '))
    .join('; ')
    .replace(/[^\x20-\x7e]/g, ' ')
    .slice(0, 300);
}
