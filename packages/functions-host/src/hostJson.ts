/** The settings of host.json that matter here. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Where settings are: environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

interface HostJson {
  readonly routePrefix: string;
  readonly hubName: string;
  readonly maxConcurrentActivities: number | undefined;
}

interface File {
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
  const { http, durableTask } = findFile(dirname(entry)).extensions ?? {};
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
  };
}

function findFile(folder: string): File {
  const path = join(folder, 'host.json');
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as File;
  const parent = dirname(folder);
  return parent === folder ? {} : findFile(parent);
}
