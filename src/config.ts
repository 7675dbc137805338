import { SettingError } from './errors.ts';
import { formatPlatform, parsePlatform, type Platform } from './image/platform.ts';
import { CredentialStore } from './registry/auth/credentials.ts';
import { Egress } from './registry/net/egress.ts';
import {
  type HostGroup,
  parseHostGroup,
  parseHostPattern,
  parseInsecureHost,
} from './registry/net/hostPattern.ts';
import { connectStorage, type StorageSetting } from './store/storage.ts';

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
  readonly pruneAfterDays: number;
  /** NCRONTAB, six fields. */
  readonly pruneSchedule: string;
  /** `lastused` is written at most once in so many seconds; 0 is every time. */
  readonly lastUsedResolutionSeconds: number;
  /** How long the URL that a lookup hands out can be used. */
  readonly lookupUrlMinutes: number;
  /** Whether `/v2/` answers as a read-only registry of what is cached, to anybody who reaches the app. */
  readonly registryMirror: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

const GiB = 1024 ** 3;
/** A block blob's own limit is 190.7 TiB; an ACR layer's is 200 GiB. Beyond this an image is a mistake. */
const DEFAULT_MAX_IMAGE_BYTES = 200 * GiB;
/** The key that signs a URL lives for seven days at most. */
const MAX_LOOKUP_URL_MINUTES = 7 * 24 * 60 - 10;

/**
 * Checks every setting and makes of it what the code uses; the app calls it once, at its start.
 * @throws {SettingError} naming the setting, its value (never a secret one) and what it takes
 */
export function loadConfig(env: Environment): Config {
  return {
    storage: storageSetting(env),
    imageContainer: containerName(env, 'IMAGE_CONTAINER', 'dockerimages'),
    egress: new Egress(
      hosts(env, 'ALLOWED_REGISTRIES', parseHostPattern),
      hosts(env, 'INSECURE_REGISTRIES', parseInsecureHost),
    ),
    credentials: new CredentialStore(text(env, 'DOCKER_AUTH_CONFIG')),
    acrIdentityClientId: text(env, 'ACR_IDENTITY_CLIENT_ID'),
    defaultPlatform: platform(env, 'DEFAULT_PLATFORM', 'linux/amd64'),
    maxImageBytes: number(env, 'MAX_IMAGE_BYTES', DEFAULT_MAX_IMAGE_BYTES, 1),
    maxWaitHours: number(env, 'MAX_WAIT_HOURS', 7, 0),
    pruneAfterDays: number(env, 'PRUNE_AFTER_DAYS', 30, 0),
    pruneSchedule: schedule(env, 'PRUNE_SCHEDULE', '0 30 3 * * *'),
    lastUsedResolutionSeconds: number(env, 'LASTUSED_RESOLUTION_SECONDS', 60, 0),
    lookupUrlMinutes: number(env, 'LOOKUP_URL_MINUTES', 120, 1, MAX_LOOKUP_URL_MINUTES),
    registryMirror: flag(env, 'REGISTRY_MIRROR'),
  };
}

function storageSetting(env: Environment): StorageSetting {
  for (const name of ['IMAGE_STORAGE', 'AzureWebJobsStorage']) {
    const connectionString = text(env, name);
    if (connectionString !== undefined) return { service: connectStorage(connectionString) };
    const account = text(env, `${name}__accountName`);
    const uri =
      text(env, `${name}__blobServiceUri`) ?? (account && `https://${account}.blob.core.windows.net`);
    if (uri === undefined) continue;
    if (!URL.canParse(uri) || !uri.startsWith('https://'))
      // Without its query: a SAS may be in it.
      throw bad(`${name}__blobServiceUri`, uri.replace(/\?.*$/s, ''), 'the https URL of a blob service');
    const clientId = text(env, `${name}__clientId`);
    return { blobServiceUri: uri, ...(clientId !== undefined && { clientId }) };
  }
  throw new SettingError(
    'No storage is set: set IMAGE_STORAGE to a connection string, or IMAGE_STORAGE__blobServiceUri to the URL of a blob service reached by managed identity.',
  );
}

function text(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === '' ? undefined : value;
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
          item,
          'registry hosts, such as ghcr.io, *.azurecr.io or localhost:5000, separated by commas; a host with its own storage or token server is joined to them by +, such as localhost:5000+localhost:9000',
        );
      }
    });
}

function number(env: Environment, name: string, fallback: number, least: number, most = Infinity): number {
  const value = text(env, name);
  if (value === undefined) return fallback;
  const parsed = Number(value);
  if (Number.isFinite(parsed) && parsed >= least && parsed <= most) return parsed;
  throw bad(name, value, `a number, at least ${least}${most === Infinity ? '' : ` and at most ${most}`}`);
}

function schedule(env: Environment, name: string, fallback: string): string {
  const value = text(env, name) ?? fallback;
  if (/^(?:[\w*,/-]+ +){5}[\w*,/-]+$/.test(value)) return value;
  throw bad(name, value, 'an NCRONTAB expression of six fields, seconds first, such as 0 30 3 * * *');
}

function flag(env: Environment, name: string): boolean {
  const value = text(env, name) ?? 'false';
  if (value === 'true' || value === 'false') return value === 'true';
  throw bad(name, value, 'true or false');
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

function bad(name: string, value: string, expected: string): SettingError {
  return new SettingError(`The setting ${name} is "${value}"; it must be ${expected}.`);
}
