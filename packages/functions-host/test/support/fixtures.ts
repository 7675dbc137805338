/** Reads the recordings of a real Functions host. */
import { readFileSync, readdirSync } from 'node:fs';

const ROOT = new URL('../fixtures/', import.meta.url);

/** All recordings of a folder, by name. */
export function recordings(folder: string): Map<string, unknown> {
  const names = readdirSync(new URL(`${folder}/`, ROOT)).filter((name) => name.endsWith('.json'));
  return new Map(
    names.sort().map((name) => [name.slice(0, -'.json'.length), recording(`${folder}/${name}`)]),
  );
}

export function recording(path: string): unknown {
  return JSON.parse(readFileSync(new URL(path, ROOT), 'utf8'));
}
