import { CacheError } from '../errors.ts';
import { printable } from './printable.ts';

/** https://github.com/opencontainers/image-spec/blob/main/image-index.md, `platform`. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  /** Windows only: the build an image needs, `10.0.17763.1234`. */
  readonly osVersion?: string;
}

/** A platform as an index offers it. */
export interface OfferedPlatform extends Platform {
  /** What the image cannot do without. A request names none, so what has some fits none. */
  readonly osFeatures?: readonly string[];
}

const COMPONENT = /^[a-z0-9_.-]{1,32}$/;

/** Whether text can be a part of a platform. Registries write anything, and platforms go into metadata. */
export function isPlatformComponent(text: unknown): text is string {
  return typeof text === 'string' && COMPONENT.test(text);
}

/** Names that uname and users write for the Go names which images carry. */
const ARCHITECTURE_ALIAS: Readonly<Record<string, readonly [architecture: string, variant?: string]>> = {
  x86_64: ['amd64'],
  'x86-64': ['amd64'],
  aarch64: ['arm64'],
  armhf: ['arm', 'v7'],
  armel: ['arm', 'v6'],
  i386: ['386'],
};

/**
 * `os/architecture[/variant]`, or an architecture alone for Linux.
 * @throws {CacheError} invalid_request, naming the text
 */
export function parsePlatform(text: string): Platform {
  const parts = text.toLowerCase().split('/');
  const [os, architecture, variant, rest] = parts.length === 1 ? ['linux', ...parts] : parts;
  const valid = [os, architecture, variant ?? 'v1'].every(
    (part) => part !== undefined && COMPONENT.test(part),
  );
  if (!valid || os === undefined || architecture === undefined || rest !== undefined) {
    throw new CacheError(
      'invalid_request',
      `platform "${printable(text, 100)}" is not valid: write os/architecture or os/architecture/variant, such as linux/amd64.`,
    );
  }
  return withDefaultVariant(
    normalisePlatform({ os, architecture, ...(variant !== undefined && { variant }) }),
  );
}

/** Who says arm and no more means v7. https://github.com/containerd/platforms, `normalizeArch` */
export function withDefaultVariant(platform: Platform): Platform {
  return platform.architecture === 'arm' && platform.variant === undefined
    ? { ...platform, variant: 'v7' }
    : platform;
}

export function isPlatform(text: string): boolean {
  try {
    parsePlatform(text);
    return true;
  } catch {
    return false;
  }
}

/** Folds case, aliases, and the variants that are the default: arm64/v8 is arm64, amd64/v1 is amd64. */
export function normalisePlatform(platform: Platform): Platform {
  const [os, named] = [platform.os.toLowerCase(), platform.architecture.toLowerCase()];
  const [architecture, aliasVariant] = Object.hasOwn(ARCHITECTURE_ALIAS, named)
    ? (ARCHITECTURE_ALIAS[named] ?? [named])
    : [named];
  let variant = platform.variant?.toLowerCase() ?? aliasVariant;
  if (variant !== undefined && /^[0-9]+$/.test(variant)) variant = `v${variant}`;
  if (architecture === 'arm64' && (variant === 'v8' || variant === 'v8.0')) variant = undefined;
  if (architecture === 'amd64' && variant === 'v1') variant = undefined;
  return {
    os,
    architecture,
    ...(variant !== undefined && variant !== '' && { variant }),
    ...(platform.osVersion !== undefined && { osVersion: platform.osVersion }),
  };
}

export function formatPlatform(platform: Platform): string {
  return [
    platform.os,
    platform.architecture,
    ...(platform.variant === undefined ? [] : [platform.variant]),
  ].join('/');
}

/**
 * How well an offered image runs on the wanted platform: 0 not at all, else the higher the better.
 * A newer ARM or x86-64 level runs what was built for an older one, never the other way round. Where a variant means
 * something and the offer names none, it is unknown and fits, less well than the right one.
 */
export function platformScore(wanted: Platform, offered: OfferedPlatform): number {
  const want = withDefaultVariant(normalisePlatform(wanted));
  const offer = normalisePlatform(offered);
  if (want.os !== offer.os || want.architecture !== offer.architecture) return 0;
  if (offered.osFeatures !== undefined && offered.osFeatures.length > 0) return 0;
  if (
    want.osVersion !== undefined &&
    offer.osVersion !== undefined &&
    !offer.osVersion.startsWith(want.osVersion)
  ) {
    return 0;
  }
  const wantLevel = variantLevel(want) ?? 1;
  const offerLevel = variantLevel(offer);
  const isName = Number.isNaN(wantLevel);
  if (want.variant === offer.variant) return isName ? 2 : 1 + wantLevel;
  if (offerLevel === undefined) return isName ? 1 : 0.5 + wantLevel;
  return offerLevel <= wantLevel ? 1 + offerLevel : 0;
}

/** Undefined where it is unknown, NaN where it is a name. */
function variantLevel({ architecture, variant }: Platform): number | undefined {
  if (variant !== undefined) return Number(/^v([0-9]+(?:\.[0-9]+)?)$/.exec(variant)?.[1] ?? Number.NaN);
  // Without a variant these are their oldest level.
  return architecture === 'arm64' ? 8 : architecture === 'amd64' ? 1 : undefined;
}
