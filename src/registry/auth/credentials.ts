import { SettingError } from '../../errors.ts';
import { isObject, type JsonObject, parseJsonObject } from '../../image/json.ts';
import { endpointHost } from '../net/hostPattern.ts';

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
      const entry = isObject(value) ? readEntry(value) : undefined;
      if (entry === undefined) throw wrong(`The entry of "${key}" has no auth, username or identitytoken`);
      if (entry !== 'empty') this.#entries.set(normaliseKey(key), entry);
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

/** `https://index.docker.io/v1/`, `ghcr.io`, `https://quay.io`, `quay.io/team/image`. */
function normaliseKey(key: string): string {
  const bare = key
    .trim()
    .replace(/^https?:\/\//i, '')
    .replace(/\/v[12]\/?$/, '')
    .replace(/\/+$/, '');
  const slash = bare.indexOf('/');
  const host = (slash === -1 ? bare : bare.slice(0, slash)).toLowerCase();
  return endpointHost(host) + (slash === -1 ? '' : bare.slice(slash));
}

function readEntry(entry: JsonObject): Credential | 'empty' | undefined {
  const text = (name: string): string | undefined => {
    const value = entry[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  // Docker leaves {} behind for a host whose secret is in a helper program, which there is none of here.
  if (Object.keys(entry).length === 0) return 'empty';
  let username = text('username');
  let password = text('password');
  const auth = text('auth');
  if (auth !== undefined) {
    const decoded = Buffer.from(auth, 'base64').toString('utf8');
    const colon = decoded.indexOf(':');
    if (colon > 0) {
      username = decoded.slice(0, colon);
      // Docker pads with NUL.
      password = decoded.slice(colon + 1).replace(/\0+$/, '');
    }
  }
  const identityToken = text('identitytoken') ?? (username === TOKEN_USERNAME ? password : undefined);
  const registryToken = text('registrytoken');
  if (identityToken !== undefined) return { identityToken };
  if (registryToken !== undefined) return { registryToken };
  if (username !== undefined && password !== undefined) return { username, password };
  return undefined;
}

/** The value of an Authorization header. https://www.rfc-editor.org/rfc/rfc7617 */
export function basicHeader(credential: Credential): string | undefined {
  if (credential.username === undefined || credential.password === undefined) return undefined;
  return `Basic ${Buffer.from(`${credential.username}:${credential.password}`, 'utf8').toString('base64')}`;
}
