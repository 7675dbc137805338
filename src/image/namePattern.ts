import { canonicalReference, parseReference, type RepositoryName } from './reference.ts';

/**
 * A pattern for images' names: a name as people write it, with `*` for anything: `broadinstitute/*`,
 * `ghcr.io/team/tool:1.*`, `ubuntu@sha256:…`. Without a tag or digest it means all of a repository.
 */
export interface NamePattern {
  /** As it was written. */
  readonly text: string;
  /** Matches names with their defaults written out: `docker.io/library/ubuntu:24.04`, or `…@sha256:…`. */
  readonly expression: RegExp;
}

/** @throws {Error} where it can be no image's name */
export function parseNamePattern(text: string): NamePattern {
  const [path, version] = splitVersion(text);
  // What an image would be called if each star stood for a letter says how Docker completes the name.
  const letters = path.replaceAll('*', 'x');
  if (!/^$|^:[\w.*-]+$|^@[\w:*]+$/.test(version)) throw new Error('It has no such tag or digest.');
  const completed = completedPath(path, letters, parseReference(letters));
  const source = starred(completed) + (version === '' ? '[:@].*' : starred(version));
  return { text, expression: new RegExp(`^${source}$`) };
}

/** The names of an image that patterns are held against. */
export function namesOf(
  name: RepositoryName,
  tags: readonly string[],
  digests: readonly string[],
): readonly string[] {
  const { registry, repository } = name;
  const plain = canonicalReference({ registry, repository });
  return [...tags.map((tag) => `${plain}:${tag}`), ...digests.map((digest) => `${plain}@${digest}`)];
}

/** The version begins at the `@`, or at the last colon behind the last slash. */
function splitVersion(text: string): [path: string, version: string] {
  const at = text.indexOf('@');
  const colon = text.lastIndexOf(':');
  const start = at !== -1 ? at : colon > text.lastIndexOf('/') ? colon : text.length;
  return [text.slice(0, start), text.slice(start)];
}

/** With what Docker leaves out in front; where a star stands for the first part, it is any registry. */
function completedPath(path: string, letters: string, { registry, repository }: RepositoryName): string {
  if (path.startsWith('*')) return path;
  const probed = `${registry}/${repository}`;
  return probed.endsWith(letters) ? probed.slice(0, probed.length - letters.length) + path : path;
}

/** Of a pattern in which a star stands for anything, what a regular expression is made of. */
export function starred(pattern: string): string {
  return pattern
    .split('*')
    .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
}
