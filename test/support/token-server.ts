import { createSign, randomUUID, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Certificate } from './certificates.ts';

export interface TokenOptions {
  /** User name to password. */
  readonly users: Readonly<Record<string, string>>;
  /** Repositories that may be pulled without a user. Default: none. */
  readonly anonymousPull?: (repository: string) => boolean;
  /** Lifetime of a token in seconds. Default 300. */
  readonly lifetime?: number;
}

export interface Access {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

export interface TokenRequest {
  readonly scopes: readonly string[];
  readonly service: string | null;
  readonly user: string | undefined;
  readonly status: number;
}

export interface TokenServer {
  readonly realm: string;
  /** Requests for a token so far. */
  readonly requests: readonly TokenRequest[];
  mint(access: readonly Access[], user?: string): string;
  readonly close: () => Promise<void>;
}

export const TOKEN_ISSUER = 'token-server';
export const TOKEN_SERVICE = 'registry';

/**
 * The token endpoint of the registry's Bearer scheme (https://distribution.github.io/distribution/spec/auth/token/):
 * GET with `service` and `scope`, Basic credentials or none, and a JWT that lists what was granted.
 */
export async function startTokenServer(signer: Certificate, options: TokenOptions): Promise<TokenServer> {
  const requests: TokenRequest[] = [];
  const lifetime = options.lifetime ?? 300;
  const x5c = [new X509Certificate(signer.certificate).raw.toString('base64')];

  const mint = (access: readonly Access[], user = ''): string => {
    const now = Math.floor(Date.now() / 1000);
    const times = { nbf: now - 10, iat: now - 10, exp: now + lifetime };
    const claims = { iss: TOKEN_ISSUER, sub: user, aud: TOKEN_SERVICE, ...times, jti: randomUUID(), access };
    const unsigned = `${encode({ typ: 'JWT', alg: 'RS256', x5c })}.${encode(claims)}`;
    return `${unsigned}.${createSign('RSA-SHA256').update(unsigned).sign(signer.key, 'base64url')}`;
  };

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const scopes = url.searchParams.getAll('scope').flatMap((scope) => scope.split(' '));
    const user = basicUser(request.headers.authorization);
    const known = user !== undefined && options.users[user.name] === user.password;
    const status = user === undefined || known ? 200 : 401;
    requests.push({ scopes, service: url.searchParams.get('service'), user: user?.name, status });
    response.writeHead(status, { 'content-type': 'application/json' });
    if (status === 401) {
      response.end(JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: 'wrong user or password' }] }));
      return;
    }
    const granted = scopes.flatMap(parseScope).map(({ type, name, actions }) => ({
      ...{ type, name },
      actions: known
        ? actions
        : actions.filter((a) => a === 'pull' && (options.anonymousPull?.(name) ?? false)),
    }));
    response.end(JSON.stringify({ token: mint(granted, user?.name), expires_in: lifetime }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    realm: `http://127.0.0.1:${port}/token`,
    requests,
    mint,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function basicUser(header: string | undefined): { name: string; password: string } | undefined {
  const encoded = /^Basic (.+)$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const [name = '', ...password] = Buffer.from(encoded, 'base64').toString().split(':');
  return { name, password: password.join(':') };
}

/** `repository:team/small:pull,push` */
function parseScope(scope: string): Access[] {
  const [, type, name, actions] = /^([^:]+):(.+):([^:]*)$/.exec(scope) ?? [];
  if (type === undefined || name === undefined || actions === undefined) return [];
  return [{ type, name, actions: actions.split(',') }];
}
