import { SettingError } from './errors.ts';
import type { IdentitySetting } from './identity.ts';
import { type NamePattern, parseNamePattern } from './image/namePattern.ts';
import { formatPlatform, parsePlatform, type Platform } from './image/platform.ts';
import { printable } from './image/printable.ts';
import { isNcrontab } from './ncrontab.ts';
import { CredentialStore } from './registry/auth/credentials.ts';
import { Egress } from './registry/net/egress.ts';
import {
  type HostGroup,
  type InsecureHost,
  parseHostGroup,
  parseHostPattern,
  parseInsecureHost,
} from './registry/net/hostPattern.ts';
import { connectStorage, type StorageSetting } from './store/storage.ts';
import type { OtlpProtocol, TelemetrySetting } from './telemetry/telemetrySetting.ts';

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
  /** `lastused` is written at most once in so many seconds; 0 is every time. */
  readonly lastUsedResolutionSeconds: number;
  /** How long the URL that a lookup hands out can be used. */
  readonly lookupUrlMinutes: number;
  /** Whether `/v2/` answers as a read-only registry of what is cached, to anybody who reaches the app. */
  readonly registryMirror: boolean;
  /** Where metrics and traces are sent; undefined where only the log tells. */
  readonly telemetry: TelemetrySetting | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

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
/** The standard's default, and an hour. */
const METRIC_INTERVAL_MS = 60_000;
const MOST_METRIC_INTERVAL_MS = 3_600_000;

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
    lastUsedResolutionSeconds: resolution(env, 'LASTUSED_RESOLUTION_SECONDS', 60, pruneAfterDays),
    lookupUrlMinutes: wholeNumber(env, 'LOOKUP_URL_MINUTES', 120, { least: 1, most: MAX_LOOKUP_URL_MINUTES }),
    registryMirror: flag(env, 'REGISTRY_MIRROR'),
    telemetry: telemetry(env),
  };
}

/** How Azure Functions names a connection by identity; the host knows more members, which are of no use for blobs. */
function storageSetting(env: Environment): StorageSetting {
  for (const name of ['IMAGE_STORAGE', 'AzureWebJobsStorage']) {
    const connectionString = text(env, name);
    if (connectionString !== undefined) return { service: connectStorage(connectionString) };
    const account = text(env, `${name}__accountName`);
    // Anything else would make another host of the URL.
    if (account !== undefined && !/^[a-z0-9]{3,24}$/.test(account))
      throw bad(`${name}__accountName`, account, "a storage account's name: 3 to 24 letters and digits");
    const identity = identitySetting(env, name);
    const uri =
      text(env, `${name}__blobServiceUri`) ?? (account && `https://${account}.blob.core.windows.net`);
    if (uri !== undefined)
      return { blobServiceUri: blobServiceUri(`${name}__blobServiceUri`, uri), ...identity };
    const [member] = Object.keys(identity);
    if (member !== undefined)
      throw new SettingError(
        `The setting ${name} names an identity (${member}) but no account to use it for: set ${name}__blobServiceUri to the URL of its blob service.`,
      );
  }
  throw new SettingError(
    'No storage is set: set IMAGE_STORAGE to a connection string, or IMAGE_STORAGE__blobServiceUri to the URL of a blob service reached by managed identity.',
  );
}

/** https://learn.microsoft.com/azure/azure-functions/functions-reference#common-properties-for-identity-based-connections */
function identitySetting(env: Environment, name: string): IdentitySetting {
  const credential = text(env, `${name}__credential`);
  if (credential !== undefined && credential !== 'managedidentity')
    throw bad(`${name}__credential`, credential, 'managedidentity, or not set');
  const client = clientId(env, `${name}__clientId`);
  const resource = text(env, `${name}__managedIdentityResourceId`);
  if (client !== undefined && resource !== undefined)
    throw bad(`${name}__managedIdentityResourceId`, resource, `left out where ${name}__clientId is set`);
  return {
    ...(client !== undefined && { clientId: client }),
    ...(resource !== undefined && { resourceId: resource }),
  };
}

/** A signature in it would go into every URL that is made of it. */
function blobServiceUri(name: string, uri: string): string {
  const { protocol = '', search, hash, username, password } = URL.canParse(uri) ? new URL(uri) : {};
  if (protocol === 'https:' && !search && !hash && !username && !password) return uri;
  // Without name, password and query, which a URL may have.
  const shown = uri.replace(/[?#].*$/s, '').replace(/\/\/.*@/s, '//');
  throw bad(name, shown, 'the https URL of a blob service, without a signature');
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

interface Range {
  readonly least: number;
  readonly most: number;
}

function number(env: Environment, name: string, fallback: number, range: Range, kind = 'a number'): number {
  const value = text(env, name);
  if (value === undefined) return fallback;
  // As people write numbers: Number() takes 0x10 and Infinity too.
  const parsed = /^[0-9]+(\.[0-9]+)?(e[0-9]+)?$/i.test(value) ? Number(value) : NaN;
  const isRight = parsed >= range.least && parsed <= range.most;
  if (isRight && (kind === 'a number' || Number.isInteger(parsed))) return parsed;
  throw bad(name, value, `${kind} from ${range.least} to ${range.most}`);
}

function wholeNumber(env: Environment, name: string, fallback: number, range: Range): number {
  return number(env, name, fallback, range, 'a whole number');
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

function schedule(env: Environment, name: string, fallback: string): string {
  const value = text(env, name) ?? fallback;
  if (isNcrontab(value)) return value;
  throw bad(
    name,
    value,
    'an NCRONTAB expression of six fields (second, minute, hour, day, month, weekday from 0 for Sunday), such as 0 30 3 * * *',
  );
}

function flag(env: Environment, name: string): boolean {
  const value = text(env, name) ?? 'false';
  if (value === 'true' || value === 'false') return value === 'true';
  throw bad(name, value, 'true or false');
}

function optionalBytes(env: Environment, name: string): number | undefined {
  if (text(env, name) === undefined) return undefined;
  return wholeNumber(env, name, 0, { least: 1, most: Number.MAX_SAFE_INTEGER });
}

function keepPatterns(env: Environment): NamePattern[] {
  const items = (text(env, 'PRUNE_KEEP') ?? '').split(/[\s,]+/).filter((item) => item !== '');
  return items.map((item) => {
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

/**
 * What the exporters would find out only when they send is checked here; the rest of OTEL_… is theirs.
 * https://opentelemetry.io/docs/specs/otel/protocol/exporter/
 */
function telemetry(env: Environment): TelemetrySetting | undefined {
  const exporter = text(env, 'TELEMETRY') ?? 'off';
  if (exporter === 'off') return undefined;
  const metricIntervalMs = wholeNumber(env, 'OTEL_METRIC_EXPORT_INTERVAL', METRIC_INTERVAL_MS, {
    least: 1000,
    most: MOST_METRIC_INTERVAL_MS,
  });
  switch (exporter) {
    case 'otlp':
      for (const name of ['', 'METRICS_', 'TRACES_']) httpUrl(env, `OTEL_EXPORTER_OTLP_${name}ENDPOINT`);
      return {
        exporter,
        metricsProtocol: otlpProtocol(env, 'METRICS'),
        tracesProtocol: otlpProtocol(env, 'TRACES'),
        metricIntervalMs,
      };
    case 'azure-monitor':
      return { exporter, ...applicationInsights(env), metricIntervalMs };
    default:
      throw bad('TELEMETRY', exporter, 'off, otlp or azure-monitor');
  }
}

function httpUrl(env: Environment, name: string): void {
  const value = text(env, name);
  if (value === undefined || (URL.canParse(value) && /^https?:/i.test(value))) return;
  // Without what may be a key.
  throw bad(name, value.replace(/[?].*$/s, '').replace(/^.*@/s, ''), 'an http or https URL');
}

function otlpProtocol(env: Environment, signal: 'METRICS' | 'TRACES'): OtlpProtocol {
  const own = `OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`;
  const name = text(env, own) === undefined ? 'OTEL_EXPORTER_OTLP_PROTOCOL' : own;
  const value = text(env, name) ?? 'http/protobuf';
  if (value === 'http/protobuf' || value === 'http/json') return value;
  throw bad(name, value, 'http/protobuf or http/json');
}

/** Under the names that the Functions host has for its own telemetry: both go to one place in one way. */
function applicationInsights(env: Environment): {
  connectionString: string;
  identity?: { clientId?: string };
} {
  const connectionString = text(env, 'APPLICATIONINSIGHTS_CONNECTION_STRING');
  if (connectionString === undefined || !/(^|;)InstrumentationKey=/i.test(connectionString))
    throw new SettingError(
      'TELEMETRY is azure-monitor, so that APPLICATIONINSIGHTS_CONNECTION_STRING must be the connection string of an Application Insights resource.',
    );
  const name = 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING';
  const value = text(env, name);
  if (value === undefined) return { connectionString };
  const parts = new Map(
    value.split(';').map((part): [string, string] => {
      const [key = '', ...rest] = part.split('=');
      return [key.trim().toLowerCase(), rest.join('=').trim()];
    }),
  );
  if (parts.get('authorization')?.toUpperCase() !== 'AAD')
    throw bad(name, value, 'Authorization=AAD, or ClientId=…;Authorization=AAD');
  const id = clientId({ [name]: parts.get('clientid') }, name);
  return { connectionString, identity: { ...(id !== undefined && { clientId: id }) } };
}

function clientId(env: Environment, name: string): string | undefined {
  const value = text(env, name);
  if (value === undefined || /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value)) return value;
  throw bad(name, value, 'the client id of a managed identity, a GUID');
}

function bad(name: string, value: string, expected: string): SettingError {
  return new SettingError(`The setting ${name} is "${printable(value)}"; it must be ${expected}.`);
}
