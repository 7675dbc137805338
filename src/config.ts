import { storageSetting } from './config/storage.ts';
import { telemetry } from './config/telemetry.ts';
import {
  bad,
  clientId,
  type Environment,
  flag,
  number,
  optionalBytes,
  schedule,
  text,
  wholeNumber,
} from './config/values.ts';
import { type NamePattern, parseNamePattern } from './image/namePattern.ts';
import { formatPlatform, parsePlatform, type Platform } from './image/platform.ts';
import { parseReference } from './image/reference.ts';
import { parseTagSelection, type TagSelection } from './image/tagSelection.ts';
import { CredentialStore } from './registry/auth/credentials.ts';
import { Egress } from './registry/net/egress.ts';
import {
  type HostGroup,
  type InsecureHost,
  parseHostGroup,
  parseHostPattern,
  parseInsecureHost,
} from './registry/net/hostPattern.ts';
import type { StorageSetting } from './store/storage.ts';
import type { TelemetrySetting } from './telemetry/telemetrySetting.ts';

/** Every setting of the app, as what the code uses. README.md and local.settings.sample.json list them all. */
export interface Config {
  readonly storage: StorageSetting;
  readonly imageContainer: string;
  /** Whom the registry client may connect to: ALLOWED_REGISTRIES and INSECURE_REGISTRIES. */
  readonly egress: Egress;
  readonly credentials: CredentialStore;
  readonly acrIdentityClientId: string | undefined;
  readonly defaultPlatform: Platform;
  /** Bytes of one archive; larger images are refused. */
  readonly maxImageBytes: number;
  /** Hours that an orchestration may wait for a throttled registry, in all. */
  readonly maxWaitHours: number;
  /** What is done with a cached image of a tag that its registry says no to: ON_REGISTRY_REFUSAL. */
  readonly onRefusal: 'refuse' | 'serve';
  readonly pruneAfterDays: number;
  /** Images that prune never deletes. */
  readonly pruneKeep: readonly NamePattern[];
  /** Bytes of all archives together, to which prune goes back; undefined where there is no limit. */
  readonly maxCacheBytes: number | undefined;
  /** NCRONTAB, six fields. */
  readonly pruneSchedule: string;
  /** Images that are kept ready before anybody asks. */
  readonly warmImages: readonly string[];
  /** Repositories of Azure Container Registries whose newest tags are. */
  readonly warmRepositories: readonly TagSelection[];
  /** NCRONTAB, six fields. */
  readonly warmSchedule: string;
  /** `lastused` is written at most once in so many seconds; 0 is every time. */
  readonly lastUsedResolutionSeconds: number;
  /** How long the URL that a lookup hands out can be used. */
  readonly lookupUrlMinutes: number;
  /** Whether `/v2/` answers as a read-only registry of what is cached, to anybody who reaches the app. */
  readonly registryMirror: boolean;
  /** Where metrics and traces are sent; undefined where only the log tells. */
  readonly telemetry: TelemetrySetting | undefined;
}

const GiB = 1024 ** 3;
/** An ACR layer's limit is 200 GiB. Beyond this an image is a mistake. */
const DEFAULT_MAX_IMAGE_BYTES = 200 * GiB;
/** A block blob's own limit: 50,000 blocks of 4,000 MiB. */
const MOST_IMAGE_BYTES = 50_000 * 4000 * 1024 ** 2;
/** Azure drops blocks that nobody committed for a week. */
const MOST_WAIT_HOURS = 6 * 24;
/** A hundred years. */
const MOST_PRUNE_DAYS = 36_500;
const DAY_SECONDS = 24 * 3600;
/** The key that signs a URL lives for seven days at most. */
const MAX_LOOKUP_URL_MINUTES = 7 * 24 * 60 - 10;
/**
 * Checks every setting and makes of it what the code uses; the app calls it once, at its start.
 * @throws {SettingError} naming the setting, its value (never a secret one) and what it takes
 */
export function loadConfig(env: Environment): Config {
  const pruneAfterDays = number(env, 'PRUNE_AFTER_DAYS', 30, { least: 0, most: MOST_PRUNE_DAYS });
  return {
    storage: storageSetting(env),
    imageContainer: containerName(env, 'IMAGE_CONTAINER', 'dockerimages'),
    egress: new Egress(
      hosts(env, 'ALLOWED_REGISTRIES', parseHostPattern),
      hosts(env, 'INSECURE_REGISTRIES', narrowInsecureHost),
    ),
    credentials: new CredentialStore(text(env, 'DOCKER_AUTH_CONFIG')),
    acrIdentityClientId: clientId(env, 'ACR_IDENTITY_CLIENT_ID'),
    defaultPlatform: platform(env, 'DEFAULT_PLATFORM', 'linux/amd64'),
    maxImageBytes: wholeNumber(env, 'MAX_IMAGE_BYTES', DEFAULT_MAX_IMAGE_BYTES, {
      least: 1,
      most: MOST_IMAGE_BYTES,
    }),
    maxWaitHours: number(env, 'MAX_WAIT_HOURS', 7, { least: 0, most: MOST_WAIT_HOURS }),
    onRefusal: onRefusal(env),
    pruneAfterDays,
    pruneKeep: keepPatterns(env),
    maxCacheBytes: optionalBytes(env, 'MAX_CACHE_BYTES'),
    pruneSchedule: schedule(env, 'PRUNE_SCHEDULE', '0 30 3 * * *'),
    warmImages: warmImages(env),
    warmRepositories: warmRepositories(env),
    warmSchedule: schedule(env, 'WARM_SCHEDULE', '0 0 5 * * *'),
    lastUsedResolutionSeconds: resolution(env, 'LASTUSED_RESOLUTION_SECONDS', 60, pruneAfterDays),
    lookupUrlMinutes: wholeNumber(env, 'LOOKUP_URL_MINUTES', 120, { least: 1, most: MAX_LOOKUP_URL_MINUTES }),
    registryMirror: flag(env, 'REGISTRY_MIRROR'),
    telemetry: telemetry(env),
  };
}

function hosts<T>(env: Environment, name: string, parse: (host: string) => T): HostGroup<T>[] {
  const items = (text(env, name) ?? '').toLowerCase().split(/[\s,]+/);
  return items
    .filter((item) => item !== '')
    .map((item) => {
      try {
        return parseHostGroup(item, parse);
      } catch {
        throw bad(
          name,
          // Without a name and password, which a URL may have.
          item.replace(/^.*@/, ''),
          'registry hosts, such as ghcr.io, *.azurecr.io or localhost:5000, separated by commas; a host with its own storage or token server is joined to them by +, such as localhost:5000+localhost:9000',
        );
      }
    });
}

/** What machines of a local network are found under: RFC 6762, appendix G, and RFC 6761. */
const LOCAL_DOMAINS: ReadonlySet<string> = new Set(
  'corp home internal intranet lan local localhost private test'.split(' '),
);

/** A pattern for a whole top-level domain would do away with TLS and the egress rules for all of it. */
function narrowInsecureHost(item: string): InsecureHost {
  const parsed = parseInsecureHost(item);
  const { wildcard, host } = parsed.pattern;
  if (wildcard && !host.includes('.') && !LOCAL_DOMAINS.has(host)) throw new Error('It is too wide.');
  return parsed;
}

/** A use that is not stamped for longer than images are kept would not keep its image. */
function resolution(env: Environment, name: string, fallback: number, pruneAfterDays: number): number {
  const seconds = wholeNumber(env, name, fallback, { least: 0, most: DAY_SECONDS });
  if (pruneAfterDays === 0 || seconds < pruneAfterDays * DAY_SECONDS) return seconds;
  throw bad(
    name,
    String(seconds),
    `less than PRUNE_AFTER_DAYS, which is ${pruneAfterDays}, or images that are in use would be deleted`,
  );
}

function keepPatterns(env: Environment): NamePattern[] {
  return items(env, 'PRUNE_KEEP', /[\s,]+/).map((item) => {
    try {
      return parseNamePattern(item);
    } catch {
      throw bad(
        'PRUNE_KEEP',
        item,
        'names of images, with * for anything, such as broadinstitute/* or ghcr.io/team/tool:1.*, separated by commas or blanks',
      );
    }
  });
}

function warmImages(env: Environment): string[] {
  return items(env, 'WARM_IMAGES', /[\s,]+/).map((item) => {
    try {
      parseReference(item);
      return item;
    } catch {
      throw bad(
        'WARM_IMAGES',
        item,
        'images, such as ubuntu:24.04 or ghcr.io/team/tool:1, separated by commas or blanks',
      );
    }
  });
}

function warmRepositories(env: Environment): TagSelection[] {
  return items(env, 'WARM_REPOSITORIES', /\s*[,;\n]\s*/).map((item) => {
    try {
      return parseTagSelection(item);
    } catch {
      throw bad(
        'WARM_REPOSITORIES',
        item,
        'repositories of an Azure Container Registry with the tags that are wanted, such as myregistry.azurecr.io/team/*:1.* newest=3 not=*-rc*, separated by commas or new lines',
      );
    }
  });
}

function items(env: Environment, name: string, separator: RegExp): string[] {
  return (text(env, name) ?? '').split(separator).filter((item) => item !== '');
}

function onRefusal(env: Environment): Config['onRefusal'] {
  const value = text(env, 'ON_REGISTRY_REFUSAL') ?? 'refuse';
  if (value === 'refuse' || value === 'serve') return value;
  throw bad('ON_REGISTRY_REFUSAL', value, 'refuse or serve');
}

function platform(env: Environment, name: string, fallback: string): Platform {
  const value = text(env, name) ?? fallback;
  try {
    return parsePlatform(value);
  } catch {
    throw bad(
      name,
      value,
      `os/architecture[/variant], such as ${formatPlatform({ os: 'linux', architecture: 'arm64' })}`,
    );
  }
}

function containerName(env: Environment, name: string, fallback: string): string {
  const value = text(env, name) ?? fallback;
  // Azure's rule, shortened by the suffix of the index container: 3 to 57 characters.
  if (/^(?!.*--)[a-z0-9][a-z0-9-]{1,55}[a-z0-9]$/.test(value)) return value;
  throw bad(name, value, 'a blob container name: 3 to 57 lower-case letters, digits and single hyphens');
}
