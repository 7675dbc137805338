import { request as forward } from 'undici';
import { acrLists } from './acrLists.ts';
import { serve, type TestServer } from './server.ts';

/**
 * Azure Container Registry's front door before a real registry, as its documentation has it:
 * https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md. It refuses what Azure refuses.
 */
export interface AcrOptions {
  /** Entra tokens that the registry's tenant would accept. */
  readonly entraTokens: ReadonlySet<string>;
  readonly anonymousPull?: boolean;
  /** Answers an anonymous token request with a token that opens nothing, as some registries do. */
  readonly uselessAnonymousToken?: boolean;
  readonly adminUser?: { readonly name: string; readonly password: string };
  /** Seconds. Azure's access tokens live 75 minutes, and the answer does not say so: the token does. */
  readonly accessLifetime?: number;
  /** Requests within a minute before it throttles. */
  readonly readOps?: number;
}

export interface AcrFront extends TestServer {
  /** What each request to the token endpoints ended in. */
  readonly log: string[];
  /** The registry's own API, beside what is pulled: `GET /acr/v1/_catalog?n=100 200`. */
  readonly listed: string[];
  /** Says when a tag was updated last; until then it is as old as the registry. */
  readonly touch: (repository: string, tag: string, updated: Date) => void;
  /** A refresh token, as `az acr login --expose-token` prints. */
  readonly mintRefreshToken: () => string;
}

const REFRESH_USER = '00000000-0000-0000-0000-000000000000';

export async function startAcrFront(upstream: string, options: AcrOptions): Promise<AcrFront> {
  const refreshTokens = new Set<string>();
  const accessTokens = new Map<string, { readonly scope: string; readonly until: number }>();
  const log: string[] = [];
  const listed: string[] = [];
  const lists = acrLists(upstream);
  let count = 0;
  let operations = 0;
  let self = '';

  const jwt = (lifetime: number): string => {
    const iat = Math.floor(Date.now() / 1000);
    const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    return `${part({ alg: 'none' })}.${part({ iat, exp: iat + lifetime, jti: ++count })}.signature`;
  };
  const mintRefreshToken = (): string => {
    const token = jwt(10_800);
    refreshTokens.add(token);
    return token;
  };
  const mintAccessToken = (scope: string): string => {
    const lifetime = options.accessLifetime ?? 4500;
    const token = jwt(lifetime);
    accessTokens.set(token, { scope, until: Date.now() + lifetime * 1000 });
    return token;
  };

  const exchange = (form: URLSearchParams): [number, unknown] => {
    if (form.get('grant_type') !== 'access_token') return [400, 'unsupported grant'];
    if (form.get('service') !== self) return [400, 'wrong service'];
    if (!options.entraTokens.has(form.get('access_token') ?? '')) return [401, 'unknown Entra token'];
    return [200, { refresh_token: mintRefreshToken() }];
  };
  const postToken = (form: URLSearchParams): [number, unknown] => {
    if (form.get('grant_type') !== 'refresh_token') return [400, 'unsupported grant'];
    if (form.get('service') !== self || !form.has('scope')) return [400, 'service and scope are required'];
    if (!refreshTokens.has(form.get('refresh_token') ?? '')) return [401, 'unknown refresh token'];
    return [200, { access_token: mintAccessToken(form.get('scope') ?? '') }];
  };
  const getToken = (query: URLSearchParams, authorization: string | undefined): [number, unknown] => {
    const scope = query.getAll('scope').join(' ');
    if (query.get('service') !== self || scope === '') return [400, 'service and scope are required'];
    if (authorization === undefined) {
      if (options.uselessAnonymousToken === true) return [200, { access_token: mintAccessToken('none') }];
      return options.anonymousPull === true ? [200, { access_token: mintAccessToken(scope) }] : [401, 'no'];
    }
    const [, encoded = ''] = /^Basic (.+)$/.exec(authorization) ?? [];
    const [name = '', password = ''] = Buffer.from(encoded, 'base64').toString().split(':');
    const isAdmin = name === options.adminUser?.name && password === options.adminUser.password;
    const isRefresh = name === REFRESH_USER && refreshTokens.has(password);
    return isAdmin || isRefresh ? [200, { access_token: mintAccessToken(scope) }] : [401, 'wrong password'];
  };

  const server = await serve(async (request, response) => {
    const url = new URL(request.url, `http://${self}`);
    if (url.pathname.startsWith('/oauth2/')) {
      const form = new URLSearchParams(request.body);
      const isForm = request.headers['content-type'] === 'application/x-www-form-urlencoded';
      const [status, body] =
        request.method === 'GET' && url.pathname === '/oauth2/token'
          ? getToken(url.searchParams, request.headers.authorization)
          : !isForm
            ? [400, 'not a form']
            : url.pathname === '/oauth2/exchange'
              ? exchange(form)
              : postToken(form);
      log.push(`${request.method} ${url.pathname} ${status}`);
      const errors = [{ code: 'UNAUTHORIZED', message: String(body) }];
      response.writeHead(status, { 'content-type': 'application/json' });
      return response.end(JSON.stringify(status === 200 ? body : { errors }));
    }
    operations += 1;
    if (operations > (options.readOps ?? Infinity)) {
      return response.writeHead(429, { 'retry-after': '45' }).end('{"errors":[{"code":"TOOMANYREQUESTS"}]}');
    }
    const isList = url.pathname.startsWith('/acr/v1/');
    const repository = /^\/v2\/(.+)\/(?:manifests|blobs)\//.exec(url.pathname)?.[1] ?? '';
    const scope = isList ? lists.scopeOf(url) : `repository:${repository}:pull`;
    const [, bearer = ''] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? [];
    const granted = accessTokens.get(bearer);
    if (granted === undefined || granted.until < Date.now() || !granted.scope.split(' ').includes(scope)) {
      const realm = `Bearer realm="http://${self}/oauth2/token",service="${self}",scope="${scope}"`;
      const error = granted === undefined ? '' : ',error="insufficient_scope"';
      return response.writeHead(401, { 'www-authenticate': realm + error }).end();
    }
    if (isList) {
      const { status, headers, body } = await lists.answer(url, self);
      listed.push(`${request.method} ${request.url} ${status}`);
      return response.writeHead(status, headers).end(JSON.stringify(body));
    }
    const { accept = '*/*', range } = request.headers;
    const answer = await forward(upstream + request.url, {
      method: request.method as 'GET' | 'HEAD',
      headers: { accept, ...(range !== undefined && { range }) },
    });
    const body = Buffer.from(await answer.body.arrayBuffer());
    for (const [name, value] of Object.entries(answer.headers)) {
      if (value !== undefined && !['connection', 'transfer-encoding'].includes(name))
        response.setHeader(name, value);
    }
    return response.writeHead(answer.statusCode).end(body);
  });
  self = server.host;
  return { ...server, log, listed, touch: lists.touch, mintRefreshToken };
}
