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
  return normalisePlatform({ os, architecture, ...(variant !== undefined && { variant }) });
}

export function isPlatform(text: string): boolean {
  try {
    parsePlatform(text);
    return true;
  } catch {
    return false;
  }
}

/** Folds aliases and the variants that are the default: arm64/v8 is arm64, arm is arm/v7, amd64/v1 is amd64. */
export function normalisePlatform(platform: Platform): Platform {
  const [architecture, aliasVariant] = ARCHITECTURE_ALIAS[platform.architecture] ?? [platform.architecture];
  let variant = platform.variant ?? aliasVariant;
  if (variant !== undefined && /^[0-9]+$/.test(variant)) variant = `v${variant}`;
  if (architecture === 'arm64' && (variant === 'v8' || variant === 'v8.0')) variant = undefined;
  if (architecture === 'amd64' && variant === 'v1') variant = undefined;
  if (architecture === 'arm' && variant === undefined) variant = 'v7';
  return {
    os: platform.os,
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
 * A newer ARM or x86-64 level runs what was built for an older one, never the other way round.
 */
export function platformScore(wanted: Platform, offered: Platform): number {
  const want = normalisePlatform(wanted);
  const offer = normalisePlatform(offered);
  if (want.os !== offer.os || want.architecture !== offer.architecture) return 0;
  if (
    want.osVersion !== undefined &&
    offer.osVersion !== undefined &&
    !offer.osVersion.startsWith(want.osVersion)
  ) {
    return 0;
  }
  const wantLevel = variantLevel(want);
  const offerLevel = variantLevel(offer);
  if (Number.isNaN(wantLevel) || Number.isNaN(offerLevel)) return want.variant === offer.variant ? 1 : 0;
  return offerLevel <= wantLevel ? 1 + offerLevel : 0;
}

function variantLevel(platform: Platform): number {
  if (platform.variant === undefined) return platform.architecture === 'arm64' ? 8 : 1;
  return Number(/^v([0-9]+(?:\.[0-9]+)?)$/.exec(platform.variant)?.[1] ?? Number.NaN);
}
