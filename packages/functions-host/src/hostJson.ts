/** The settings of host.json that matter here. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Where settings are: environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

interface HostJson {
  readonly routePrefix: string;
  readonly hubName: string;
  readonly maxConcurrentActivities: number | undefined;
  /** How long an invocation may live that cannot end. */
  readonly functionTimeoutMs: number;
}

/** Of the plans that set a limit by themselves. */
const DEFAULT_FUNCTION_TIMEOUT = '00:30:00';

interface File {
  readonly functionTimeout?: string;
  readonly extensions?: {
    readonly http?: { readonly routePrefix?: string };
    readonly durableTask?: {
      readonly hubName?: string;
      readonly defaultVersion?: string;
      readonly maxConcurrentActivityFunctions?: number;
    };
  };
}

/** Reads the host.json of the folder the entry is in, or of the nearest one above; its defaults when there is none. */
export function readHostJson(entry: string, env: Environment): HostJson {
  const file = findFile(dirname(entry));
  const { http, durableTask } = file.extensions ?? {};
  if (durableTask?.defaultVersion !== undefined)
    throw new Error('host.json sets durableTask.defaultVersion, which the local host does not support.');
  const hubName = (durableTask?.hubName ?? 'TestHubName').replace(
    /%(\w+)%/g,
    (_, name: string) => env[name] ?? name,
  );
  return {
    routePrefix: (http?.routePrefix ?? 'api').replace(/^\/+|\/+$/g, ''),
    hubName: hubName.replace(/[^a-z0-9]/gi, ''),
    maxConcurrentActivities: durableTask?.maxConcurrentActivityFunctions,
    functionTimeoutMs: milliseconds(file.functionTimeout ?? DEFAULT_FUNCTION_TIMEOUT),
  };
}

/** Of a time span `hh:mm:ss`; `-1` is no limit, which a timer has at 24 days. */
function milliseconds(span: string): number {
  if (span === '-1') return 2 ** 31 - 1;
  const [, hours, minutes, seconds] = /^(\d+):([0-5]\d):([0-5]\d)$/.exec(span) ?? [];
  if (seconds === undefined)
    throw new Error(`host.json sets functionTimeout to '${span}'; the local host takes hh:mm:ss and -1.`);
  return ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
}

function findFile(folder: string): File {
  const path = join(folder, 'host.json');
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as File;
  const parent = dirname(folder);
  return parent === folder ? {} : findFile(parent);
}
