import * as z from 'zod/mini';
import type { Answer, AnswerHeader, Call } from './call.ts';
import { MirrorQuery } from './queries.ts';
import { COMPONENTS } from './schema.ts';
import { Health } from './views.ts';

/** Calls that need no key. */
export const SERVICE_CALLS: readonly Call[] = [
  {
    method: 'get',
    path: '/api/health',
    id: 'getHealth',
    tag: 'operation',
    summary: 'Whether storage answers, and images can be kept',
    description: 'Also the versions of what runs.',
    isAnonymous: true,
    answers: {
      200: {
        description: 'It works.',
        schemas: [Health],
        example: { status: 'ok', version: '0.1.0', layout: '1', node: 'v24.0.0' },
      },
    },
  },
  {
    method: 'get',
    path: '/api/openapi.json',
    id: 'getDescription',
    tag: 'operation',
    summary: 'This document',
    description: 'OpenAPI 3.1.',
    isAnonymous: true,
    answers: { 200: { description: 'This document.', schemas: [z.looseObject({ openapi: z.string() })] } },
  },
  {
    method: 'get',
    path: '/api/node/tes-node',
    id: 'getNodeScript',
    tag: 'nodes',
    summary: "The node's script",
    description: 'POSIX sh, in one file. It prepares, runs and cleans up images on a compute node.',
    isAnonymous: true,
    answers: { 200: { description: 'The script.', mediaType: 'text/x-shellscript', schemas: [z.string()] } },
  },
];

const RegistryErrors = z
  .object({ errors: z.array(z.object({ code: z.string(), message: z.string() })) })
  .register(COMPONENTS, { id: 'RegistryErrors', description: 'Errors in the words of a registry.' });

const VERSION: AnswerHeader = {
  name: 'Docker-Distribution-Api-Version',
  description: 'What kind of registry this is.',
  schema: { type: 'string', pattern: '^registry/2\\.0$' },
  isRequired: true,
};
const CONTENT_DIGEST: AnswerHeader = {
  name: 'Docker-Content-Digest',
  description: 'Of the bytes.',
  schema: { type: 'string' },
  isRequired: true,
};
const CONTENT_RANGE: AnswerHeader = {
  name: 'Content-Range',
  description: 'Which bytes of the blob.',
  schema: { type: 'string', pattern: '^bytes [0-9]+-[0-9]+/[0-9]+$' },
  isRequired: true,
};

const NAME = { name: "The repository's name. It may hold slashes, which are not escaped." };
const REFERENCE = { ...NAME, reference: 'A tag or a digest.' };
const DIGEST = { ...NAME, digest: 'As in the manifest.' };

const MANIFEST: Answer = {
  description: 'The manifest or index, with its own media type.',
  mediaType: '*/*',
  schemas: [],
  headers: [VERSION, CONTENT_DIGEST],
};
const BLOB: Answer = {
  description: 'The blob.',
  mediaType: 'application/octet-stream',
  schemas: [],
  headers: [VERSION, CONTENT_DIGEST],
};

/** https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pull */
export const MIRROR_CALLS: readonly Call[] = [
  ...mirrored('/v2/', 'Version', 'Whether this is a registry', {
    200: { description: 'It is.', schemas: [z.object({})], headers: [VERSION] },
  }),
  ...mirrored(
    '/v2/{name}/manifests/{reference}',
    'Manifest',
    'A manifest or index of a cached image',
    { 200: MANIFEST },
    REFERENCE,
  ),
  ...mirrored(
    '/v2/{name}/blobs/{digest}',
    'Blob',
    'A config or layer of a cached image, out of its archive',
    {
      200: BLOB,
      206: {
        ...BLOB,
        description: 'What is left from an offset.',
        headers: [...(BLOB.headers ?? []), CONTENT_RANGE],
      },
    },
    DIGEST,
  ),
];

/** GET and HEAD of one path. */
function mirrored(
  path: Call['path'],
  what: string,
  summary: string,
  answers: Call['answers'],
  pathParameters: Call['pathParameters'] = {},
): Call[] {
  const call = {
    path,
    tag: 'registry',
    summary,
    description: 'As the OCI distribution specification has it; only where REGISTRY_MIRROR is true.',
    isAnonymous: true,
    pathParameters,
    query: MirrorQuery,
  } as const;
  const missing: Answer = { description: 'It is not cached.', schemas: [RegistryErrors], headers: [VERSION] };
  const bare = Object.entries({ ...answers, 404: missing }).map(
    ([status, { description, headers = [] }]) => [status, { description, headers }] as const,
  );
  return [
    { ...call, method: 'get', id: `mirror${what}`, answers: { ...answers, 404: missing } },
    { ...call, method: 'head', id: `mirror${what}Head`, answers: Object.fromEntries(bare) },
  ];
}
