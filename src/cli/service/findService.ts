import { findAzdService } from './azdEnvironment.ts';
import { UsageError } from '../usageError.ts';

const LOCAL = 'http://127.0.0.1:7071';
/** In place of a URL: take the one that azd's environment names, with the key. */
const AZD = 'azd';

export interface ServiceAddress {
  readonly url: string;
  /** Where it was found, for whoever did not say it; a sentence. */
  readonly notice?: string;
  /** A folder names it: nobody asked for azd's. */
  readonly isGuess?: boolean;
  /** Nothing named it. Whoever listens there on this machine is to get no key and no token. */
  readonly isUnnamed?: boolean;
}

/**
 * Where the service is: as `asked`, as IMAGE_CACHE_URL says, as azd's environment around `directory` names it, or else
 * on this machine.
 *
 * A folder that somebody else made can hold an environment, too. So no key or token goes to a service that was only
 * found, unless whoever has the key asked for that with the word `azd`.
 * @throws {UsageError} where it is no URL, or may not be used
 */
export async function findService(
  asked: string | undefined,
  env: NodeJS.ProcessEnv,
  directory: string,
): Promise<ServiceAddress> {
  const said = asked ?? (isSet(env.IMAGE_CACHE_URL) ? env.IMAGE_CACHE_URL : undefined);
  if (said !== undefined && said !== AZD) return { url: checked(said) };
  const found = await findAzdService(directory, env);
  if (found === undefined) {
    if (said === AZD)
      throw new UsageError(
        `No environment of azd from ${directory} upwards names a service. Run azd up, or say --service URL.`,
      );
    return { url: LOCAL, isUnnamed: true };
  }
  const where = `${found.url} (environment ${found.environment}, ${found.file})`;
  if (said !== AZD && (isSet(env.IMAGE_CACHE_KEY) || isSet(env.IMAGE_CACHE_TOKEN)))
    throw new UsageError(
      `The service would be ${where}, and your key or token is for you alone to send there: ` +
        'if it is yours, say --service azd, or set IMAGE_CACHE_URL.',
    );
  return { url: found.url, notice: `The service is ${where}.`, isGuess: said !== AZD };
}

/** As shells have it: empty is not set. */
function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '';
}

function checked(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol))
    // It may hold a key, or a password, all the same.
    throw new UsageError(
      `"${url.replace(/[?#].*$/s, '?…').replace(/^.*@/s, '…@')}" is not the URL of a service. Write https://HOST.`,
    );
  const { username, password, search, hash, host } = parsed;
  if (username !== '' || password !== '' || search !== '' || hash !== '')
    throw new UsageError(
      `The service's URL, on ${host}, has more than an address: it would stand in logs. ` +
        'Write https://HOST, and put the key into IMAGE_CACHE_KEY.',
    );
  return url;
}
