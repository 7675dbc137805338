/** `host`, `host:port`, `*.domain` or `*`, as ALLOWED_REGISTRIES and INSECURE_REGISTRIES hold them. */
export interface HostPattern {
  /** Lower case; without the leading `*.` where `wildcard`. Empty for `*`. */
  readonly host: string;
  /** Undefined: the scheme's own port, and no other. */
  readonly port: number | undefined;
  readonly wildcard: boolean;
}

const DEFAULT_PORT: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };
const DOCKER_HUB_HOSTS: ReadonlySet<string> = new Set(['docker.io', 'index.docker.io']);
const DOCKER_HUB_ENDPOINT = 'registry-1.docker.io';

/** The host that serves a registry's API: the same, but for Docker Hub. */
export function endpointHost(registry: string): string {
  return DOCKER_HUB_HOSTS.has(registry) ? DOCKER_HUB_ENDPOINT : registry;
}

/** @throws {Error} naming the text, where it is no pattern */
export function parseHostPattern(text: string): HostPattern {
  const trimmed = text.trim().toLowerCase();
  if (trimmed === '*') return { host: '', port: undefined, wildcard: true };
  const match = /^(\*\.)?([a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?$/.exec(trimmed);
  const port = match?.[3] === undefined ? undefined : Number(match[3]);
  if (match?.[2] === undefined || port === 0 || (port !== undefined && port > 65535)) {
    throw new Error(
      `"${text}" is not a registry host: write host, host:port or *.domain, without https:// and without a path.`,
    );
  }
  const wildcard = match[1] !== undefined;
  // The URL parser is what turns 0x7f.1 into 127.0.0.1 in the addresses that this is compared with.
  const host = wildcard ? match[2] : new URL(`http://${endpointHost(match[2])}`).hostname;
  return { host, port, wildcard };
}

/** An entry of INSECURE_REGISTRIES: a host that may be on this machine. */
export interface InsecureHost {
  readonly pattern: HostPattern;
  /** It was written with https:// before it: local, and spoken to over TLS all the same. */
  readonly isTls: boolean;
}

/** One entry of a setting: hosts joined by `+` belong together, and each may send us on to the others. */
export type HostGroup<T> = readonly T[];

const TLS_PREFIX = 'https://';

/** @throws {Error} as `parse` does, also where nothing stands before or after a `+` */
export function parseHostGroup<T>(text: string, parse: (host: string) => T): HostGroup<T> {
  return text.split('+').map(parse);
}

/** @throws {Error} as parseHostPattern does */
export function parseInsecureHost(text: string): InsecureHost {
  const isTls = text.startsWith(TLS_PREFIX);
  return { pattern: parseHostPattern(isTls ? text.slice(TLS_PREFIX.length) : text), isTls };
}

export function matchesHost(pattern: HostPattern, url: URL): boolean {
  const port = url.port === '' ? DEFAULT_PORT[url.protocol] : Number(url.port);
  if ((pattern.port ?? DEFAULT_PORT[url.protocol]) !== port) return false;
  if (!pattern.wildcard) return url.hostname === pattern.host;
  return pattern.host === '' || url.hostname.endsWith(`.${pattern.host}`);
}
