import * as z from 'zod/mini';
import type { AnswerHeader, Call } from './call.ts';
import { ManyImages, OneImage } from './ensureBody.ts';
import { ABSENT, LOOKED_UP, PARTIAL, PENDING, READY } from './examples.ts';
import { MAX_IMAGES } from './limits.ts';
import { EnsureQuery, ImageQuery, ImagesQuery, LookupQuery } from './queries.ts';
import {
  CataloguePage,
  EnsuredList,
  ImageView,
  ListProblem,
  LookupView,
  PartialView,
  Problem,
} from './views.ts';

const LOCATION: AnswerHeader = {
  name: 'Location',
  description: "Where the image's state is; not of a list.",
  schema: { type: 'string', pattern: '^/api/images\\?image=' },
  isRequired: false,
};
const ASK_AGAIN: AnswerHeader = {
  name: 'Retry-After',
  description: 'Seconds until it is worth asking again.',
  schema: { type: 'integer' },
  isRequired: true,
};

/** Caching images and looking them up: what function keys and tokens are for. */
export const IMAGE_CALLS: readonly Call[] = [
  {
    method: 'post',
    path: '/api/images',
    id: 'ensureImages',
    tag: 'images',
    summary: 'Make sure that images are, or will be, cached',
    description: `One image, or up to ${MAX_IMAGES} in a list, each of which is answered in its place. Counts as a use of what is cached.`,
    query: EnsureQuery,
    body: {
      description: 'UTF-8 JSON, whatever the content type says.',
      schemas: [OneImage, ManyImages],
      example: { image: 'ubuntu:24.04', platform: 'linux/amd64' },
    },
    answers: {
      200: {
        description: 'All are ready.',
        schemas: [ImageView, EnsuredList],
        hasLines: true,
        example: READY,
      },
      202: {
        description: 'Some are on their way.',
        schemas: [ImageView, EnsuredList],
        hasLines: true,
        headers: [LOCATION],
        example: PENDING,
      },
    },
    problems: [
      'invalid_reference',
      'registry_not_allowed',
      'registry_denied',
      'image_not_found',
      'unsupported_image',
      'image_too_large',
      'digest_mismatch',
      'registry_throttled',
      'registry_unavailable',
    ],
    problemSchemas: [Problem, ListProblem],
  },
  {
    method: 'get',
    path: '/api/images',
    id: 'getImages',
    tag: 'images',
    summary: "An image's state, or a page of the catalogue",
    description:
      'With `image`: its state, as `platform` and `format` say. Asks no registry, and counts as no use. Without: what is cached, by blob name, as `prefix`, `continuation` and `limit` say; a page may hold fewer images than `limit`, or none.',
    query: ImagesQuery,
    answers: {
      200: {
        description: 'The state, or the page.',
        schemas: [ImageView, CataloguePage],
        hasLines: true,
        example: READY,
      },
    },
    problems: ['invalid_reference'],
  },
  {
    method: 'delete',
    path: '/api/images',
    id: 'removeImage',
    tag: 'images',
    summary: 'Delete an image from the cache',
    description: 'Deletes the archive, and what was kept of it beside.',
    query: ImageQuery,
    answers: { 200: { description: 'It is gone.', schemas: [ImageView], hasLines: true, example: ABSENT } },
    problems: ['invalid_reference', 'image_not_cached'],
  },
  {
    method: 'get',
    path: '/api/lookup',
    id: 'lookupImage',
    tag: 'nodes',
    summary: 'Where to download an image',
    description:
      'Counts as a use. Where a tag has moved, the image that it stood for is given until the new one is here, marked `stale`.',
    query: LookupQuery,
    answers: {
      200: { description: 'Here it is.', schemas: [LookupView], hasLines: true, example: LOOKED_UP },
      202: {
        description: 'It is on its way.',
        schemas: [LookupView],
        hasLines: true,
        headers: [ASK_AGAIN],
        example: PENDING,
      },
    },
    problems: ['invalid_reference', 'image_not_cached', 'image_cache_failed'],
  },
  {
    method: 'post',
    path: '/api/lookup',
    id: 'lookupPartialImage',
    tag: 'nodes',
    summary: 'Where to download an image, less the layers that a node has',
    description: 'As the GET, with the byte ranges of the archive that leave those layers out.',
    query: LookupQuery,
    body: {
      description:
        'A line per image that the node has: its diff ids, bottom first, separated by blanks or commas.',
      mediaType: 'text/plain',
      schemas: [z.string()],
      example: 'sha256:8901649dd5a9f6c0a7b2d3e4f5061728394a5b6c7d8e9f00112233445566778a\n',
    },
    answers: {
      200: { description: 'Here it is.', schemas: [PartialView], hasLines: true, example: PARTIAL },
      202: {
        description: 'It is on its way.',
        schemas: [LookupView],
        hasLines: true,
        headers: [ASK_AGAIN],
        example: PENDING,
      },
    },
    problems: ['invalid_reference', 'image_not_cached', 'image_cache_failed'],
  },
];
