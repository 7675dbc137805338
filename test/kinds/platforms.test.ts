import assert from 'node:assert/strict';
import { findImage } from '../../src/catalog/findImage.ts';
import { formatPlatform, parsePlatform } from '../../src/image/platform.ts';
import { dropHints } from '../runs/support/rig.ts';
import type { AddedImage, Json } from './support/caseRegistry.ts';
import { type Case, runKind, type Seen } from './support/kinds.ts';

const INDEX =
  'https://github.com/opencontainers/image-spec/blob/main/image-index.md#image-index-property-descriptions';
const NO_PLATFORM = 'https://github.com/bazel-contrib/rules_oci/issues/117';

/** It is found by this platform, also when only the archive is left to tell. */
const foundAs =
  (platform: string) =>
  async ({ context, request, cached }: Seen): Promise<void> => {
    assert.equal(cached && formatPlatform(cached.platform), platform);
    await dropHints(context.storage);
    const found = await findImage(context.storage, request.ref, parsePlatform(platform));
    assert.equal(found?.blob, cached?.blob);
  };

function alone(
  input: string,
  config: Json,
  platform: string,
  right: Case['right'],
  source = NO_PLATFORM,
): Case {
  return {
    input: `no index, config ${input}, asked for ${platform}`,
    why: 'what a config leaves open is as it was asked for',
    source,
    platform,
    serve: (registry, repository) =>
      registry.add(repository, '1', { config: (own) => ({ ...own, ...config }) }),
    right,
    ...(right === 'ready' && { check: foundAs(platform) }),
  };
}

interface Offer {
  readonly platform?: unknown;
  readonly config?: Json;
  readonly manifest?: (manifest: Json) => Json;
  readonly more?: Json;
  readonly missing?: true;
}

/** An index of such images. @param chosen which of them is right */
function indexed(
  input: string,
  platform: string,
  offers: readonly Offer[],
  chosen: number | RegExp,
  why: string,
  source = INDEX,
): Case {
  const added: AddedImage[] = [];
  return {
    input: `${input}, asked for ${platform}`,
    why,
    source,
    platform,
    serve: async (registry, repository) => {
      for (const [at, { config = {}, manifest = (same: Json) => same }] of offers.entries())
        added.push(
          await registry.add(repository, undefined, {
            layers: [`${repository} ${at}`],
            config: (own) => ({ ...own, ...config }),
            manifest,
          }),
        );
      registry.index(
        `${repository}:1`,
        offers.map(({ platform: named, more, missing }, at) => ({
          ...added[at]?.entry,
          ...(named !== undefined && { platform: named }),
          ...more,
          ...(missing && { digest: `sha256:${'0'.repeat(64)}` }),
        })),
      );
    },
    right: chosen instanceof RegExp ? { code: 'unsupported_image', detail: chosen } : 'ready',
    check: async (seen) => {
      if (chosen instanceof RegExp) return;
      assert.equal(seen.cached?.manifestDigest, added[chosen]?.digest);
      await foundAs(platform)(seen);
    },
  };
}

const on = (os: string, architecture: string, more: Json = {}): Json => ({ os, architecture, ...more });
const AMD64 = on('linux', 'amd64');
const ARM64 = on('linux', 'arm64');
const HELM = (m: Json): Json => ({
  ...m,
  config: { ...(m.config as Json), mediaType: 'application/vnd.cncf.helm.config.v1+json' },
});

runKind('platforms that only a config names', [
  alone('os null', { os: null }, 'linux/amd64', 'ready'),
  alone('os and architecture ""', { os: '', architecture: '' }, 'linux/arm64', 'ready'),
  alone('Linux', { os: 'Linux' }, 'linux/amd64', 'ready'),
  alone(
    'arm',
    { architecture: 'arm' },
    'linux/arm/v6',
    'ready',
    'https://github.com/podman-container-tools/container-libs/issues/82',
  ),
  alone('aarch64', { architecture: 'aarch64' }, 'linux/arm64', 'ready', INDEX),
  alone(
    'amd64',
    {},
    'linux/arm64',
    { code: 'unsupported_image', detail: /Ask for platform linux\/amd64/ },
    INDEX,
  ),
  alone(
    'windows',
    { os: 'windows' },
    'linux/amd64',
    { code: 'unsupported_image', detail: /it is for windows\/amd64/ },
    INDEX,
  ),
  {
    input: 'a config without a platform, asked for on two',
    why: 'one archive fits both',
    source: NO_PLATFORM,
    serve: (registry, repository) =>
      registry.add(repository, '1', { config: ({ rootfs }) => ({ rootfs, author: repository }) }),
    right: 'ready',
    check: async (seen) => {
      const { context, request, cached } = seen;
      Object.assign(request, { platform: parsePlatform('linux/arm64') });
      const { cached: other, failure } = await seen.again();
      assert.deepEqual([other?.blob, failure], [cached?.blob, undefined]);
      const found = await findImage(context.storage, request.ref, request.platform);
      assert.equal(found?.blob, cached?.blob);
    },
  },
]);

runKind('platforms that an index names', [
  indexed(
    'an entry whose config says amd64',
    'linux/arm64',
    [{ platform: AMD64 }, { platform: ARM64 }],
    1,
    'the index decides',
    'https://github.com/docker-library/official-images/pull/16859',
  ),
  indexed(
    'arm/v6 whose config says arm',
    'linux/arm/v6',
    [{ platform: on('linux', 'arm', { variant: 'v6' }), config: { architecture: 'arm' } }],
    0,
    'the index decides',
  ),
  indexed(
    'arm without a variant',
    'linux/arm/v6',
    [{ platform: on('linux', 'arm') }],
    0,
    'it is not known, and fits',
  ),
  indexed(
    'arm and arm/v6',
    'linux/arm/v6',
    [{ platform: on('linux', 'arm') }, { platform: on('linux', 'arm', { variant: 'v6' }) }],
    1,
    'the right one is better',
  ),
  indexed('Linux and AMD64', 'linux/amd64', [{ platform: on('Linux', 'AMD64') }], 0, 'case folds'),
  indexed(
    'os.features that were not asked for',
    'windows/amd64',
    [
      { platform: on('windows', 'amd64', { 'os.features': ['win32k'] }) },
      { platform: on('windows', 'amd64', { 'os.features': [] }) },
    ],
    1,
    'they are mandatory',
  ),
  indexed(
    'os.features alone',
    'windows/amd64',
    [{ platform: on('windows', 'amd64', { 'os.features': ['win32k'] }) }],
    /It has: windows\/amd64 with win32k/,
    'they are mandatory',
  ),
  indexed(
    'first an artifact',
    'linux/amd64',
    [{ platform: AMD64, manifest: HELM }, { platform: AMD64 }],
    1,
    'the next that fits',
  ),
  indexed(
    'first one that is not there',
    'linux/amd64',
    [{ platform: AMD64, missing: true }, { platform: AMD64 }],
    1,
    'the next that fits',
  ),
  indexed(
    'only artifacts',
    'linux/amd64',
    [{ platform: AMD64, manifest: HELM }],
    /artifact of type application\/vnd\.cncf\.helm/,
    'the first error tells',
  ),
  indexed(
    'an attestation',
    'linux/amd64',
    [{ platform: on('unknown', 'unknown') }, { platform: AMD64 }],
    1,
    'it is no image',
    'https://docs.docker.com/build/metadata/attestations/attestation-storage/',
  ),
  indexed(
    'an entry without a type',
    'linux/amd64',
    [{ platform: AMD64, more: { mediaType: null } }],
    0,
    'the document tells',
    'https://github.com/regclient/regclient/issues/436',
  ),
  indexed(
    'annotations and urls null',
    'linux/amd64',
    [{ platform: AMD64, more: { annotations: null, urls: null } }],
    0,
    'null is absent',
  ),
  indexed(
    'platforms {} and null',
    'linux/arm64',
    [{ platform: {} }, { platform: null, config: { architecture: 'arm64' } }],
    1,
    'the configs tell',
  ),
  indexed(
    'another platform, and an unnamed artifact',
    'linux/arm64',
    [{ platform: AMD64 }, { manifest: HELM }],
    /has no image for linux\/arm64\. It has: linux\/amd64/,
    'that is what there is to say',
  ),
]);
