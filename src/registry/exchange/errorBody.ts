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

/**
 * The `errors` of a body, or the body itself where it is one error; nothing of a page meant for browsers.
 * @param isText what is not JSON is the message itself
 */
export function parseErrors(text: string, isText = false): RegistryError[] {
  const body = parseJsonObject(text);
  if (body === undefined) {
    const message = text.trim();
    return isText && message !== '' && !message.startsWith('<') ? [{ code: '', message }] : [];
  }
  const errors: readonly unknown[] = Array.isArray(body.errors) ? body.errors : [body];
  return errors
    .slice(0, MAX_ERRORS)
    .filter(isObject)
    .map((error) => ({
      // OAuth calls it `error`: https://www.rfc-editor.org/rfc/rfc6749#section-5.2
      code: textOf(error, 'code') || textOf(error, 'error'),
      message: textOf(error, 'message') || textOf(error, 'details') || textOf(error, 'error_description'),
    }))
    .filter(({ code, message }) => code !== '' || message !== '');
}

function textOf(error: JsonObject, member: string): string {
  const value = error[member];
  return typeof value === 'string' ? value : '';
}

/** One line for a message. */
export function describeErrors(errors: readonly RegistryError[]): string {
  return oneLine(
    errors.map(({ code, message }) => [code, message].filter((text) => text.trim() !== '').join(': ')),
  );
}

/** The codes alone: whoever was just shown a credential may repeat it in any other words. */
export function describeCodes(errors: readonly RegistryError[]): string {
  return oneLine(errors.map(({ code }) => code).filter((code) => /^[A-Za-z][\w.-]{0,63}$/.test(code)));
}

function oneLine(parts: readonly string[]): string {
  return parts
    .filter((part) => part !== '')
    .join('; ')
    .replace(/[^\x20-\x7e]/g, ' ')
    .slice(0, 300);
}
