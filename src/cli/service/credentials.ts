import { UsageError } from '../usageError.ts';

/** Variables: what opens the service. */
export const KEY = 'IMAGE_CACHE_KEY';
export const TOKEN = 'IMAGE_CACHE_TOKEN';

/**
 * What there is of a function key and an Entra token, by its variable's name.
 * @throws {UsageError} naming the variable, and not its value, where a header cannot carry it: it would be told in an
 * error, and nothing would ever be sent
 */
export function readCredentials(env: NodeJS.ProcessEnv): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const name of [KEY, TOKEN]) {
    // As a file or a clipboard ends it.
    const value = (env[name] ?? '').trim();
    if (value === '') continue;
    if (!/^[\x21-\x7e]+$/.test(value))
      throw new UsageError(
        `${name} has a character that no key or token has, such as a blank, the end of a line or a letter beyond ASCII. Copy it again.`,
      );
    found.set(name, value);
  }
  return found;
}
