import type { ErrorCode } from '../errors.ts';
import type { ImageView, LookupView, PartialView } from './views.ts';

/** Answers as they look, for whoever reads the OpenAPI document. A test holds them against the schemas. */

const DIGEST = 'sha256:4e8f1b2c0d9a7f6e5d4c3b2a19080716253443526170f9e8d7c6b5a493827160';

const IDENTITY = {
  requested: 'ubuntu:24.04',
  image: 'docker.io/library/ubuntu:24.04',
  platform: 'linux/amd64',
} as const;

export const READY = {
  state: 'ready',
  ...IDENTITY,
  manifestDigest: DIGEST,
  indexDigest: 'sha256:c3d4e5f60718293a4b5c6d7e8f9001122334455667788990a1b2c3d4e5f60718',
  imageId: 'sha256:5f6e7d8c9bafbecd0123456789abcdef0123456789abcdef0123456789abcdef',
  runRef: `ubuntu:${DIGEST.replace(':', '-')}`,
  tagAs: 'ubuntu:24.04',
  blob: `library/ubuntu/${DIGEST.slice('sha256:'.length)}.tar`,
  size: 29_753_344,
  lastUsed: '2026-03-01T12:00:00Z',
  createdAt: '2026-02-27T08:30:00Z',
} as const satisfies ImageView;

export const PENDING = {
  state: 'pending',
  ...IDENTITY,
  progress: { phase: 'copying', stagedBytes: 8_388_608, totalBytes: 29_753_344 },
} as const satisfies ImageView;

export const ABSENT = { state: 'absent', ...IDENTITY } as const satisfies ImageView;

export const LOOKED_UP = {
  ...READY,
  url: `https://images.blob.core.windows.net/dockerimages/${READY.blob}?sv=2025-11-05&sr=b&sp=r&sig=…`,
  urlExpires: '2026-03-01T14:00:00Z',
} as const satisfies LookupView;

export const PARTIAL = {
  ...LOOKED_UP,
  ranges: ['0-10239', '29747200-29753343'],
  rangesSize: 16_384,
  layers: 1,
  layersHeld: 1,
} as const satisfies PartialView;

/** A sentence that each error may come with. */
export const DETAILS: Readonly<Record<ErrorCode, string>> = {
  invalid_reference: 'The repository "Ubuntu" is not valid: names are lower case.',
  invalid_request: 'wait is "9999"; it must be a whole number from 0 to 120.',
  registry_not_allowed: 'ghcr.io is not among the registries of ALLOWED_REGISTRIES.',
  registry_denied: 'ghcr.io wants credentials for owner/name. Set DOCKER_AUTH_CONFIG.',
  cross_site_request: 'A browser sends this for another site (https://other.example), which nobody may do.',
  image_not_found: 'docker.io does not have library/ubuntu:24.4. Check the name and the tag.',
  image_not_cached: 'ubuntu:24.04 is not cached, and was not asked for. Ask for it by POST /api/images.',
  unsupported_image: 'The index has no image for linux/arm64. It has linux/amd64.',
  image_too_large: 'The image has 300000000000 bytes, more than MAX_IMAGE_BYTES.',
  image_cache_failed: 'The image could not be cached: the index has no image for linux/arm64.',
  internal_error:
    'The service failed in a way that it does not know. Its log has the cause under the invocation 7a1f.',
  digest_mismatch:
    'docker.io sends other bytes for a layer than its manifest says. Ask the registry’s operator.',
  registry_throttled: 'docker.io takes no more requests for now. Ask again later.',
  registry_unavailable: 'registry.example has no address. Check the name, or ask again later.',
  storage_unavailable: 'The storage account cannot be reached. Ask again.',
};

/** The statuses in words, as problems give them. */
export const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  422: 'Unprocessable Entity',
  424: 'Failed Dependency',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
};

export const LINES = `STATE='ready'\nRUN_REF='${READY.runRef}'\nSIZE='${READY.size}'\n`;
