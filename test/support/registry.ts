import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Agent, fetch } from 'undici';
import type { RequestInit, Response } from 'undici';
import { makeCertificate } from './certificates.ts';
import { eventually } from './eventually.ts';
import { must, removeDirectory, startDaemon, temporaryDirectory } from './process.ts';
import { startTokenServer, TOKEN_ISSUER, TOKEN_SERVICE } from './token-server.ts';
import type { TokenOptions, TokenServer } from './token-server.ts';

export interface RegistryOptions {
  /** A registry data directory to start with, such as `samtoolsImage()` gives. It is not changed. */
  readonly seed?: string;
  /** Serve this data directory itself, and leave it there on close. Default: a temporary one. */
  readonly dataDirectory?: string;
  /** Basic authentication: user name to password. Pushing uses the first user. */
  readonly htpasswd?: Readonly<Record<string, string>>;
  /** Bearer authentication with a token server on a port of its own. */
  readonly token?: TokenOptions;
  /** Serve https with a self-signed certificate for 127.0.0.1 and localhost. */
  readonly tls?: boolean;
  /** Further configuration, merged section by section (https://distribution.github.io/distribution/about/configuration/). */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
}

export interface LoggedRequest {
  readonly method: string;
  /** With the query, as sent. */
  readonly path: string;
  readonly status: number;
  /** Bytes of the response's body. */
  readonly bytes: number;
  readonly userAgent: string;
}

export interface Registry {
  /** `127.0.0.1:<port>` */
  readonly host: string;
  readonly url: string;
  /** The certificate's file, where `tls` was asked for. */
  readonly caFile: string | undefined;
  readonly tokenServer: TokenServer | undefined;
  /** A request with the right to do everything, for instance `fetch('/v2/team/small/manifests/1')`. */
  readonly fetch: (path: string, init?: RequestInit) => Promise<Response>;
  /** What was asked of the registry since the start, or since `forgetRequests`. */
  readonly requests: () => Promise<LoggedRequest[]>;
  readonly forgetRequests: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Starts Debian's docker-registry (distribution 2.8) on a free loopback port. */
export async function startRegistry(options: RegistryOptions = {}): Promise<Registry> {
  const directory = await temporaryDirectory('registry');
  const dataDirectory = options.dataDirectory ?? path.join(directory, 'data');
  if (options.seed !== undefined) await copyData(options.seed, dataDirectory);

  const signer = options.token && (await makeCertificate(directory, 'signer'));
  const tokenServer = options.token && signer && (await startTokenServer(signer, options.token));
  const server = options.tls === true ? await makeCertificate(directory, 'server') : undefined;
  const auth: Record<string, unknown> = {};
  if (options.htpasswd !== undefined) {
    const file = path.join(directory, 'htpasswd');
    await writeFile(file, await htpasswd(options.htpasswd));
    auth.htpasswd = { realm: 'test', path: file };
  }
  if (tokenServer !== undefined && signer !== undefined) {
    const { realm } = tokenServer;
    const rootcertbundle = signer.certificateFile;
    auth.token = { realm, service: TOKEN_SERVICE, issuer: TOKEN_ISSUER, rootcertbundle };
  }
  const config = merge(
    {
      version: '0.1',
      log: { level: 'info' },
      storage: { filesystem: { rootdirectory: dataDirectory }, delete: { enabled: true } },
      http: {
        addr: '127.0.0.1:0',
        ...(server && { tls: { certificate: server.certificateFile, key: server.keyFile } }),
      },
      ...(Object.keys(auth).length > 0 && { auth }),
    },
    options.config ?? {},
  );
  const configFile = path.join(directory, 'config.yml');
  await writeFile(configFile, JSON.stringify(config)); // JSON is YAML

  const listening = /listening on (127\.0\.0\.1:\d+)/;
  const daemon = await startDaemon(
    ['docker-registry', 'serve', configFile],
    (output) => listening.test(output),
    options.env === undefined ? {} : { env: options.env },
  );
  const host = listening.exec(daemon.output())?.[1] ?? '';
  const url = `${server ? 'https' : 'http'}://${host}`;
  const dispatcher = new Agent(server ? { connect: { ca: server.certificate } } : {});

  const authorization = (route: string): Record<string, string> => {
    const [user] = Object.entries(options.htpasswd ?? {});
    if (user !== undefined)
      return { authorization: `Basic ${Buffer.from(user.join(':')).toString('base64')}` };
    const name = /^\/v2\/(.+)\/(?:manifests|blobs|tags)\//.exec(route)?.[1];
    if (tokenServer === undefined || name === undefined) return {};
    const actions = ['pull', 'push', 'delete'];
    return { authorization: `Bearer ${tokenServer.mint([{ type: 'repository', name, actions }])}` };
  };
  const authorizedFetch: Registry['fetch'] = async (route, init = {}) => {
    const headers = { ...authorization(route), ...(init.headers as Record<string, string> | undefined) };
    return await fetch(new URL(route, url), { ...init, headers, dispatcher });
  };

  let marks = 0;
  let forgotten = 0;
  const requests = async (): Promise<LoggedRequest[]> => {
    // The log is written behind the answers: ask for something recognisable and wait until it is there.
    marks += 1;
    const mark = `/v2/?mark=${marks}`;
    await (await authorizedFetch(mark)).body?.cancel();
    return eventually(`the registry's log has ${mark}`, () => {
      const seen = parseLog(daemon.output());
      if (!seen.some((request) => request.path === mark)) return undefined;
      return seen.filter((request) => !request.path.startsWith('/v2/?mark=')).slice(forgotten);
    });
  };
  return {
    ...{ host, url, tokenServer, requests },
    caFile: server?.certificateFile,
    fetch: authorizedFetch,
    forgetRequests: async () => {
      forgotten += (await requests()).length;
    },
    close: async () => {
      await dispatcher.destroy();
      await daemon.stop();
      await tokenServer?.close();
      await removeDirectory(directory);
    },
  };
}

/** Blobs never change in place, so links do; tags are rewritten in place, so they are copied. */
async function copyData(from: string, to: string): Promise<void> {
  const v2 = path.join('docker', 'registry', 'v2');
  await must(['mkdir', '-p', path.join(to, v2)]);
  await must(['cp', '-a', path.join(from, v2, 'repositories'), path.join(to, v2)]);
  const blobs = ['-a', path.join(from, v2, 'blobs'), path.join(to, v2)];
  await must(['cp', '-l', ...blobs]).catch(() => must(['cp', ...blobs]));
}

/** The registry takes bcrypt only; perl's crypt() is the C library's and knows it. */
async function htpasswd(users: Readonly<Record<string, string>>): Promise<string> {
  const script =
    'my ($u, $p) = split /:/, <STDIN>, 2; print "$u:", crypt($p, q($2y$05$abcdefghijklmnopqrstuu)), "\\n"';
  const lines = Object.entries(users).map((user) => must(['perl', '-e', script], { input: user.join(':') }));
  return (await Promise.all(lines)).join('');
}

/** The access log, in Apache's combined format: it has every request, refused ones too. */
function parseLog(output: string): LoggedRequest[] {
  const line = /^\S+ \S+ \S+ \[[^\]]+\] "(\S+) (\S+) [^"]*" (\d+) (\d+) "[^"]*" "([^"]*)"$/gm;
  return [...output.matchAll(line)].map(([, method = '', target = '', status, bytes, userAgent = '']) => ({
    ...{ method, path: target, userAgent },
    status: Number(status),
    bytes: Number(bytes),
  }));
}

function merge(
  base: Record<string, unknown>,
  more: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const merged = { ...base };
  for (const [key, value] of Object.entries(more)) {
    const before = merged[key];
    merged[key] = isObject(before) && isObject(value) ? merge(before, value) : value;
  }
  return merged;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
