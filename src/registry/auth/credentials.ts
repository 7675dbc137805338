import { isUtf8 } from 'node:buffer';
import { SettingError } from '../../errors.ts';
import { isObject, parseJsonObject } from '../../image/json.ts';
import { printable } from '../../image/printable.ts';
import { endpointHost, parseHostPattern } from '../net/hostPattern.ts';

/** How a registry is to be told who we are. */
export interface Credential {
  readonly username?: string;
  readonly password?: string;
  /** An OAuth2 refresh token, as `docker login` and `az acr login` store it. */
  readonly identityToken?: string;
  /** A bearer token, sent as it is. */
  readonly registryToken?: string;
}

/** Docker stores this in place of a name where the secret is an identity token. */
const TOKEN_USERNAME = '<token>';

/**
 * The `auths` of Docker's config.json, with the entries per path that podman's auth.json knows.
 * https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md
 */
export class CredentialStore {
  readonly #entries = new Map<string, Credential>();

  /**
   * @param dockerAuthConfig the setting's text; none is no credentials
   * @throws {SettingError} where it is not such a file; the text is never quoted
   */
  constructor(dockerAuthConfig?: string) {
    if (dockerAuthConfig === undefined || dockerAuthConfig.trim() === '') return;
    const config = parseJsonObject(dockerAuthConfig);
    if (config === undefined) throw wrong('It is not a JSON object');
    const auths = config.auths ?? {};
    if (!isObject(auths)) throw wrong('Its "auths" are not an object');
    for (const [key, value] of Object.entries(auths)) {
      const entry = readEntry(key, value);
      if (entry !== undefined) this.#entries.set(normaliseKey(key), entry);
    }
  }

  /** Everything in it that no message may show. */
  secrets(): string[] {
    return [...this.#entries.values()].flatMap(({ username, password, identityToken, registryToken }) =>
      [
        password,
        username === undefined || password === undefined ? undefined : `${username}:${password}`,
        identityToken,
        registryToken,
      ].filter((secret) => secret !== undefined),
    );
  }

  /** The entry of the longest path that leads to the repository, or of the host alone. */
  find(registry: string, repository: string): Credential | undefined {
    const host = endpointHost(registry);
    const parts = repository.split('/');
    for (let count = parts.length; count >= 0; count -= 1) {
      const entry = this.#entries.get([host, ...parts.slice(0, count)].join('/'));
      if (entry !== undefined) return entry;
    }
    return undefined;
  }
}

function wrong(why: string): SettingError {
  return new SettingError(
    `The setting DOCKER_AUTH_CONFIG is "(not shown)"; it must be the JSON text of a Docker config.json with its 'auths'. ${why}.`,
  );
}

/**
 * `https://index.docker.io/v1/`, `ghcr.io`, `https://quay.io`, `quay.io/team/image`.
 * @throws {SettingError} where no registry can be meant
 */
function normaliseKey(key: string): string {
  const bare = key
    .trim()
    .replace(/^https?:\/\//i, '')
    .replace(/\/v[12]\/?$/, '')
    .replace(/\/+$/, '');
  const slash = bare.indexOf('/');
  const host = (slash === -1 ? bare : bare.slice(0, slash)).toLowerCase();
  if (!isHost(host)) throw wrongEntry(key, 'is under a name that is no registry host');
  return endpointHost(host) + (slash === -1 ? '' : bare.slice(slash));
}

function isHost(text: string): boolean {
  try {
    return !parseHostPattern(text).wildcard;
  } catch {
    return false;
  }
}

/**
 * Undefined where there is no secret in it: Docker leaves `{}` behind where a helper program has the secret, once
 * wrote an e-mail address alone, and passes all of these over, and null.
 * @throws {SettingError} where a secret is there that nobody could use
 */
function readEntry(key: string, entry: unknown): Credential | undefined {
  if (entry === null) return undefined;
  if (!isObject(entry)) throw wrongEntry(key, 'is not an object');
  const text = (name: string): string | undefined => {
    const value = entry[name] ?? '';
    if (typeof value !== 'string') throw wrongEntry(key, `has a ${name} that is not a string`);
    return value === '' ? undefined : value;
  };
  const auth = text('auth');
  const { username, password } =
    auth === undefined
      ? { username: text('username'), password: text('password') }
      : (decodeAuth(auth) ?? { username: undefined, password: undefined });
  if (auth !== undefined && username === undefined)
    throw wrongEntry(key, 'has an auth that is not the base64 of name:password in UTF-8');
  // RFC 7617 allows none in either.
  if (/\p{Cc}/u.test(`${username ?? ''}${password ?? ''}`))
    throw wrongEntry(key, 'has a line break or another control character in its name or password');
  const identityToken = text('identitytoken') ?? (username === TOKEN_USERNAME ? password : undefined);
  const registryToken = text('registrytoken');
  if (registryToken !== undefined && !/^[\x21-\x7e]+$/.test(registryToken))
    throw wrongEntry(key, 'has a registrytoken that cannot go into a header');
  if (identityToken !== undefined) return { identityToken };
  if (registryToken !== undefined) return { registryToken };
  if (username !== undefined && password !== undefined) return { username, password };
  return undefined;
}

/** As strict as Docker: padded base64 of the usual alphabet, a name, a colon. Docker pads with NUL. */
function decodeAuth(auth: string): { readonly username: string; readonly password: string } | undefined {
  const bytes = Buffer.from(auth, 'base64');
  if (bytes.toString('base64') !== auth.replace(/[\r\n]/g, '') || !isUtf8(bytes)) return undefined;
  const decoded = bytes.toString('utf8');
  const colon = decoded.indexOf(':');
  if (colon < 1) return undefined;
  return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1).replace(/\0+$/, '') };
}

/** Names the entry, without what may be a password in its name, and nothing that is in it. */
function wrongEntry(key: string, what: string): SettingError {
  return wrong(`The entry of "${printable(key.replace(/^.*@/, ''))}" ${what}`);
}

/** The value of an Authorization header. https://www.rfc-editor.org/rfc/rfc7617 */
export function basicHeader(credential: Credential): string | undefined {
  if (credential.username === undefined || credential.password === undefined) return undefined;
  return `Basic ${Buffer.from(`${credential.username}:${credential.password}`, 'utf8').toString('base64')}`;
}
