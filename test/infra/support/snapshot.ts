import { readFileSync } from 'node:fs';

/** A resource as the compiler predicts it. What is known only once it is deployed stays an expression, `[reference(…)]`. */
export interface PredictedResource {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly properties?: Readonly<Record<string, unknown>>;
}

export interface Snapshot {
  readonly predictedResources: readonly PredictedResource[];
  readonly diagnostics: readonly unknown[];
  readonly outputs: Readonly<Record<string, unknown>>;
}

/** infra/<shape>.snapshot.json each. */
export const SHAPES = ['main', 'private', 'scheduler'] as const;

export function readSnapshot(shape: (typeof SHAPES)[number]): Snapshot {
  const url = new URL(`../../../infra/${shape}.snapshot.json`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8')) as Snapshot;
}

export function resourcesOf({ predictedResources }: Snapshot, type: string): PredictedResource[] {
  return predictedResources.filter((resource) => resource.type === type);
}

/** The app's settings by name; a value may be an expression. */
export function appSettings(snapshot: Snapshot): Readonly<Record<string, string>> {
  const found = resourcesOf(snapshot, 'Microsoft.Web/sites/config').find(({ name }) =>
    name.endsWith('/appsettings'),
  );
  if (found?.properties === undefined) throw new Error('The snapshot has no app settings.');
  return found.properties as Record<string, string>;
}

/** The single resource whose id ends so. */
export function theResource(snapshot: Snapshot, type: string, start: string): PredictedResource {
  const found = resourcesOf(snapshot, type).filter(({ name }) => name.startsWith(start));
  const [one] = found;
  if (one === undefined || found.length > 1)
    throw new Error(`There are ${found.length} of ${type} ${start}….`);
  return one;
}
