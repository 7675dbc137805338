import { serve, type SeenRequest } from '../registry/support/server.ts';

export interface IdentityEndpoint {
  /** For the process whose identity it is. */
  readonly env: Readonly<Record<'IDENTITY_ENDPOINT' | 'IDENTITY_HEADER', string>>;
  /** The queries of the requests so far. */
  readonly asked: URLSearchParams[];
  /** What it does next; undefined gives tokens. */
  behaviour: EndpointBehaviour | undefined;
  /** Seconds that a token lives. */
  tokenSeconds: number;
  close(): Promise<void>;
}

/** An answer, or none at all. */
export type EndpointBehaviour = { readonly status: number; readonly message: string } | 'silence';

const STORAGE = 'https://storage.azure.com';

/**
 * The identity endpoint that Azure App Service and Functions give to an app, whose tokens Azurite takes.
 * https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
 * @param resource what it has tokens for
 */
export async function startIdentityEndpoint(resource = STORAGE): Promise<IdentityEndpoint> {
  const header = 'the header that only the app knows';
  const asked: URLSearchParams[] = [];
  const server = await serve((request, response) => {
    const query = new URL(request.url, 'http://endpoint').searchParams;
    asked.push(query);
    const behaviour = isRight(request, query, header, resource)
      ? endpoint.behaviour
      : { status: 400, message: 'A request that is none of App Service.' };
    if (behaviour === 'silence') return;
    response.setHeader('content-type', 'application/json');
    if (behaviour !== undefined) {
      response.writeHead(behaviour.status);
      response.end(JSON.stringify({ statusCode: behaviour.status, message: behaviour.message }));
      return;
    }
    const expires = Math.floor(Date.now() / 1000) + endpoint.tokenSeconds;
    response.end(
      JSON.stringify({
        access_token: entraToken(resource, expires),
        expires_on: String(expires),
        resource,
        token_type: 'Bearer',
        client_id: query.get('client_id') ?? '00000000-0000-0000-0000-00000000000a',
      }),
    );
  });
  const endpoint: IdentityEndpoint = {
    env: { IDENTITY_ENDPOINT: `${server.origin}/msi/token/`, IDENTITY_HEADER: header },
    asked,
    behaviour: undefined,
    tokenSeconds: 3600,
    close: () => server.close(),
  };
  return endpoint;
}

function isRight(request: SeenRequest, query: URLSearchParams, header: string, resource: string): boolean {
  return (
    request.headers['x-identity-header'] === header &&
    query.get('api-version') === '2019-08-01' &&
    query.get('resource') === resource
  );
}

/**
 * A token that Azurite takes for its account: it looks at the claims, not at the signature.
 * @param expires seconds since the epoch
 */
export function storageToken(expires: number): string {
  return entraToken(STORAGE, expires);
}

/** @param audience what it is for */
function entraToken(audience: string, expires: number): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = {
    aud: audience,
    iss: 'https://sts.windows.net/ab1f708d-50f6-404c-a006-d71b2ac7a606/',
    nbf: Math.floor(Date.now() / 1000) - 60,
    iat: Math.floor(Date.now() / 1000) - 60,
    exp: expires,
    oid: '23657296-5cd5-45b0-a809-d972a7f4dfe1',
    tid: 'ab1f708d-50f6-404c-a006-d71b2ac7a606',
  };
  return `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}.c2lnbmF0dXJl`;
}
