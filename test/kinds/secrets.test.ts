import assert from 'node:assert/strict';
import { after } from 'node:test';
import { serve, type TestServer } from '../registry/support/server.ts';
import { answering, error, isManifest, JSON_TYPE } from './support/bending.ts';
import type { CaseRegistry, ImageSpec, Json } from './support/caseRegistry.ts';
import { type Case, runKind, type Seen } from './support/kinds.ts';

const LEAKS = 'https://cheatsheetseries.owasp.org/cheatsheets/Logging_Cheat_Sheet.html#data-to-exclude';
const SSRF =
  'https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html';
const USER = 'robot';
const PASSWORD = 'S3cret"Pass/w0rd+';
/** One that a media type, or a platform, can be. */
const SPOKEN = 'hunter2-of-robots';
const TOKEN = 'opaque-TOKEN-0123456789';
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const PAIR = base64(`${USER}:${PASSWORD}`);

/** With a user for the registry, which is asked for by Basic or, where there is a token, by Bearer. */
function signedIn({ host }: CaseRegistry): ReturnType<NonNullable<Case['settings']>> {
  return { insecure: [host], auths: { [host]: { username: USER, password: PASSWORD } } };
}

function layerOfType(mediaType: string): Json {
  return { mediaType, digest: `sha256:${'0'.repeat(64)}`, size: 10 };
}

function saysNothing({ failure, events, runs }: Seen): void {
  const told = JSON.stringify([failure, events, runs.statuses]);
  for (const secret of [
    PASSWORD,
    JSON.stringify(PASSWORD).slice(1, -1),
    PAIR,
    TOKEN,
    base64(TOKEN),
    PASSWORD.slice(0, 9),
  ])
    assert.ok(!told.includes(secret), `${secret} is told: ${told}`);
}

/** A registry that repeats what it was sent, in its own way of writing. */
function repeating(status: number, write: (authorization: string) => string): Case['serve'] {
  return (registry, repository) => {
    registry.on(repository, (request, response) => {
      const { authorization } = request.headers;
      const wanted = { 'www-authenticate': 'Basic realm="x"' };
      if (authorization === undefined) response.writeHead(401, wanted).end();
      else
        response
          .writeHead(status, JSON_TYPE)
          .end(request.method === 'HEAD' ? '' : error('DENIED', write(authorization)));
      return true;
    });
  };
}

const WRITTEN: readonly (readonly [string, (authorization: string) => string])[] = [
  ['as it came', (sent) => `not with ${sent}`],
  ['in base64 once more', (sent) => `not with <${base64(sent)}>`],
  ['decoded', () => `not with ${USER}:${PASSWORD}`],
  ['as the password alone', () => `${PASSWORD} is wrong`],
  ['as a part of a URL', () => `https://${USER}:${encodeURIComponent(PASSWORD)}@registry/v2/`],
  ['as JSON in JSON', () => JSON.stringify({ password: PASSWORD })],
  ['in hex', () => Buffer.from(PASSWORD).toString('hex')],
  ['cut off', () => `not with ${PASSWORD.slice(0, 12)}…`],
];

runKind('what must not come back', [
  ...WRITTEN.map(([how, write]): Case => ({
    input: `a refusal that repeats the password ${how}`,
    why: 'whoever may ask for an image need not have its password',
    source: LEAKS,
    settings: signedIn,
    serve: repeating(403, write),
    right: { code: 'registry_denied', detail: /DENIED/ },
    check: (seen) => {
      saysNothing(seen);
      const told = JSON.stringify([seen.failure, seen.events]);
      for (const form of [
        base64(`Basic ${PAIR}`),
        encodeURIComponent(PASSWORD),
        Buffer.from(PASSWORD).toString('hex'),
      ])
        assert.ok(!told.includes(form), form);
    },
  })),
  ...[429, 500, 503].map((status): Case => ({
    input: `a token server that answers ${status} and says what it was sent`,
    why: 'it is sent secrets in many forms: of its words only the code is repeated',
    source: LEAKS,
    settings: signedIn,
    serve: (registry, repository) => {
      const realm = `${registry.origin}/v2/${repository}/manifests/token`;
      registry.on(repository, (request, response) => {
        if (request.url.includes('/token'))
          response.writeHead(status, JSON_TYPE).end(error('BUSY', `words of the inside, ${PAIR}`));
        else response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}"` }).end();
        return true;
      });
    },
    right: {
      code: status === 429 ? 'registry_throttled' : 'registry_unavailable',
      detail: /BUSY/,
      retryable: true,
    },
    check: (seen) => {
      saysNothing(seen);
      assert.doesNotMatch(JSON.stringify([seen.failure, seen.events, seen.runs.statuses]), /the inside/);
    },
  })),
  ...(
    [
      [
        'a manifest whose type is',
        { manifest: (given) => ({ ...given, mediaType: `application/${SPOKEN}` }) },
      ],
      [
        'a layer whose type is',
        { manifest: (given) => ({ ...given, layers: [layerOfType(`text/${SPOKEN}`)] }) },
      ],
      ['a config whose architecture is', { config: (given) => ({ ...given, architecture: SPOKEN }) }],
      ['a config whose system is', { config: (given) => ({ ...given, os: SPOKEN }) }],
    ] as readonly (readonly [string, ImageSpec])[]
  ).map(([what, spec]): Case => ({
    input: `${what} the password`,
    why: 'a document is written by whoever was sent the password, and messages quote types and platforms',
    source: LEAKS,
    settings: (registry) => {
      const { host } = registry;
      return { insecure: [host], auths: { [host]: { username: USER, password: SPOKEN } } };
    },
    serve: (registry, repository) => registry.add(repository, '1', spec).then(() => undefined),
    right: { code: 'unsupported_image' },
    check: ({ failure, events, runs }) => {
      const told = JSON.stringify([failure, events, runs.statuses]);
      assert.ok(!told.toLowerCase().includes(SPOKEN.toLowerCase()), told);
    },
  })),
  {
    input: 'an outage whose page repeats the password',
    why: 'what is waited for is shown in the status of the run',
    source: LEAKS,
    settings: signedIn,
    serve: repeating(503, (sent) => `overloaded: ${sent}`),
    right: { code: 'registry_unavailable' },
    check: saysNothing,
  },
  {
    input: '401 that repeats the password under another name',
    why: 'who was just shown a credential may say it in any words: only the code is quoted',
    source: LEAKS,
    settings: signedIn,
    serve: repeating(401, () => 'the word is drowssap'),
    right: { code: 'registry_denied', detail: /It says: "DENIED"/ },
    check: ({ failure }) => assert.doesNotMatch(JSON.stringify(failure), /drowssap/),
  },
  {
    input: 'a signed address in a refusal',
    why: 'whoever has it can read the blob',
    source: 'https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html',
    serve: (registry, repository) => {
      const message = 'see https://storage.example/blob?X-Amz-Signature=0123456789abcdef&sig=abc%3D';
      registry.on(
        repository,
        answering(isManifest, { status: 403, headers: JSON_TYPE, body: error('DENIED', message) }),
      );
    },
    right: { code: 'registry_denied', detail: /storage\.example\/blob/ },
    check: ({ failure }) => assert.doesNotMatch(JSON.stringify(failure), /0123456789abcdef|abc%3D/),
  },
  {
    input: "a password in an address of the registry's own",
    why: 'a proxy in front of a registry says how it signs in behind: that is nobody else’s',
    source: 'https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1',
    serve: (registry, repository) => {
      const message =
        'no answer from redis://:hush-hush@cache.example:6379 and https://robot:hush@in.example/v2/';
      registry.on(
        repository,
        answering(isManifest, { status: 403, headers: JSON_TYPE, body: error('DENIED', message) }),
      );
    },
    right: { code: 'registry_denied', detail: /@cache\.example:6379 and .*@in\.example/ },
    check: ({ failure }) => assert.doesNotMatch(JSON.stringify(failure), /hush|robot/),
  },
]);

const inner: TestServer[] = [];
after(() => Promise.all(inner.map((server) => server.close())));

/** Another host that the operator named, which has something to read and would mint a token. */
async function startInner(): Promise<TestServer> {
  const server = await serve((_request, response) =>
    response.writeHead(200, JSON_TYPE).end('{"token":"inner-token","message":"the inside"}'),
  );
  inner.push(server);
  return server;
}

runKind('hosts that the operator named', [
  ...(['redirect', 'realm'] as const).map((way): Case => ({
    input: `a registry whose ${way} leads to another named host`,
    why: 'being named is no permission to be read through another registry',
    source: SSRF,
    serve: async (registry, repository) => {
      const other = await startInner();
      registry.friends.push(other.host);
      const challenge = `Bearer realm="${other.origin}/mint?anything=1"`;
      registry.on(repository, (_request, response) => {
        if (way === 'redirect') response.writeHead(307, { location: `${other.origin}/secret` }).end();
        else response.writeHead(401, { 'www-authenticate': challenge }).end();
        return true;
      });
    },
    settings: ({ host, friends }) => ({ insecure: [host, ...friends], apart: true }),
    right: {
      code: 'registry_not_allowed',
      detail: /leads to .* where this service does not go/,
      retryable: false,
    },
    check: ({ failure }) => {
      assert.doesNotMatch(JSON.stringify(failure), /INSECURE_REGISTRIES|the inside/);
      assert.deepEqual(
        inner.flatMap(({ seen }) => seen),
        [],
      );
    },
  })),
]);
