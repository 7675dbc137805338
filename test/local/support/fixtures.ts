/** Reads the recordings of a real Functions host. */
import { readFileSync, readdirSync } from 'node:fs';

const ROOT = new URL('../../fixtures/functions-host/', import.meta.url);

/** All recordings of a folder, by name. */
export function recordings<T>(folder: string): Map<string, T> {
  const names = readdirSync(new URL(`${folder}/`, ROOT)).filter((name) => name.endsWith('.json'));
  return new Map(
    names.sort().map((name) => [name.slice(0, -'.json'.length), recording<T>(`${folder}/${name}`)]),
  );
}

export function recording<T>(path: string): T {
  return JSON.parse(readFileSync(new URL(path, ROOT), 'utf8')) as T;
}
