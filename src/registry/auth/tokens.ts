import { CacheError } from '../../errors.ts';
import { type JsonObject, parseJsonObject } from '../../image/json.ts';
import { answerError, tokenDenied } from '../exchange/answerError.ts';
import { basicHeader, type Credential } from './credentials.ts';
import { printableHost } from '../net/egressRules.ts';
import { webPage } from '../traffic/fault.ts';
import { FOLLOW_ALL, FOLLOW_NONE, sendFollowing } from '../exchange/redirects.ts';
import { type RetryContext, transientReason, withRetries } from '../exchange/retry.ts';
import type { Ask, AskSubject, Transport } from '../exchange/transport.ts';

/** A token is a few kilobytes; what is larger is no token. */
const MAX_TOKEN_BODY_BYTES = 64 * 1024;
/** Where the answer does not say: https://distribution.github.io/distribution/spec/auth/token/ */
const DEFAULT_LIFETIME_SECONDS = 60;
const MAX_LIFETIME_SECONDS = 24 * 3600;
const CLIENT_ID = 'tes-image-cache';

export interface Token {
  readonly value: string;
  readonly lifetimeMs: number;
}

/** What a Bearer challenge asks a token for. */
export interface TokenRequest {
  readonly realm: URL;
  readonly service: string | undefined;
  readonly scopes: readonly string[];
}

/**
 * Asks a registry's realm for a token: with Basic or with nothing by GET, which every registry knows; by
 * POST only where the credential is a refresh token, which GET cannot carry.
 * https://distribution.github.io/distribution/spec/auth/oauth/
 * @throws {CacheError} registry_denied where the realm refuses the credential
 */
export function requestToken(
  transport: Transport,
  context: RetryContext,
  wanted: TokenRequest,
  credential: Credential | undefined,
  subject: AskSubject,
): Promise<Token> {
  if (credential?.identityToken !== undefined) {
    const fields = {
      grant_type: 'refresh_token',
      client_id: CLIENT_ID,
      ...(wanted.service !== undefined && { service: wanted.service }),
      scope: wanted.scopes.join(' '),
      refresh_token: credential.identityToken,
    };
    return postForToken(transport, context, wanted.realm, fields, subject).then((body) =>
      readToken(body, wanted.realm, subject),
    );
  }
  const url = new URL(wanted.realm);
  if (wanted.service !== undefined) url.searchParams.set('service', wanted.service);
  for (const scope of wanted.scopes) url.searchParams.append('scope', scope);
  const authorization = credential === undefined ? undefined : basicHeader(credential);
  const ask: Ask = {
    subject,
    method: 'GET',
    headers: { accept: 'application/json', ...(authorization !== undefined && { authorization }) },
  };
  return askForToken(transport, context, url, ask, subject).then((body) =>
    readToken(body, wanted.realm, subject),
  );
}

/** One form to a token endpoint. No redirect is followed: the form holds the secret. */
export function postForToken(
  transport: Transport,
  context: RetryContext,
  url: URL,
  fields: Readonly<Record<string, string>>,
  subject: AskSubject,
): Promise<JsonObject> {
  return askForToken(
    transport,
    context,
    url,
    {
      subject,
      method: 'POST',
      headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(fields).toString(),
    },
    subject,
  );
}

function askForToken(
  transport: Transport,
  context: RetryContext,
  url: URL,
  ask: Ask,
  subject: AskSubject,
): Promise<JsonObject> {
  const host = printableHost(url);
  const what = `getting a token of ${printableHost(subject.registryUrl)} for ${subject.image}`;
  return withRetries(context, url.host, what, undefined, async () => {
    const policy = ask.method === 'POST' ? FOLLOW_NONE : FOLLOW_ALL;
    const answer = await sendFollowing(transport, url, ask, policy);
    const { status } = answer;
    // A realm says 400 and 404 too where a credential or a repository is unknown to it.
    if (status >= 400 && status < 500 && transientReason(status) === undefined)
      throw tokenDenied(subject, host, await answer.errorBody());
    if (status !== 200) throw await answerError(answer, subject, 'codes');
    if (answer.isWebPage) throw webPage(answer, 'a token');
    const body = await answer.document(MAX_TOKEN_BODY_BYTES, (bytes) => tokenBody(bytes) !== undefined);
    const json = body === undefined ? undefined : tokenBody(body);
    if (json === undefined) throw noToken(url, subject);
    return json;
  });
}

function tokenBody(bytes: Uint8Array): JsonObject | undefined {
  return parseJsonObject(Buffer.from(bytes).toString('utf8'));
}

function readToken(body: JsonObject, realm: URL, subject: AskSubject): Token {
  const value = [body.token, body.access_token].find(isTokenText);
  if (value === undefined) throw noToken(realm, subject);
  const said = Number(body.expires_in ?? Number.NaN);
  const seconds = said > 0 ? said : (jwtLifetimeSeconds(value) ?? DEFAULT_LIFETIME_SECONDS);
  return { value, lifetimeMs: Math.min(seconds, MAX_LIFETIME_SECONDS) * 1000 };
}

function noToken(realm: URL, { image, registryUrl }: AskSubject): CacheError {
  return new CacheError(
    'registry_unavailable',
    `${printableHost(realm)} answered with something that is no token of ${printableHost(registryUrl)} for ${image}. Ask the registry's operator.`,
    { retryable: false },
  );
}

/** Anything else would not go into a header, or would end it early. */
export function isTokenText(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value);
}

/**
 * How long a JWT is good for by its own words, from issue to end, so that no clock is compared. Unverified:
 * it only decides when to ask for the next one.
 */
export function jwtLifetimeSeconds(token: string): number | undefined {
  const payload = parseJsonObject(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
  const from = payload?.iat ?? payload?.nbf;
  const until = payload?.exp;
  if (typeof from !== 'number' || typeof until !== 'number' || !(until > from)) return undefined;
  return until - from;
}
