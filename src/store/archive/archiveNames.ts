import { type Digest, hexOf, isDigest } from '../../image/digest.ts';
import { DOCKER_HUB, parseReference, type RepositoryName } from '../../image/reference.ts';

/**
 * Blob names. A repository's path is lower-case letters, digits and `._-/`, never starts a component with `_`
 * and has no empty or dotted one (src/image/reference.ts), so no image name can leave its own folder.
 */

/** `broadinstitute/gatk/<hex>.tar`; for another registry than Docker Hub its host first, `host:5000` as `host_5000`. */
export function archiveName(name: RepositoryName, manifest: Digest): string {
  return `${repositoryFolder(name)}${hexOf(manifest)}.tar`;
}

/** The folder that holds all archives of one repository, with its `/`. */
export function repositoryFolder(name: RepositoryName): string {
  return name.registry === DOCKER_HUB
    ? `${name.repository}/`
    : `${registryFolder(name.registry)}/${name.repository}/`;
}

/** A registry's host as a part of a blob name: `host:5000` as `host_5000`. */
export function registryFolder(registry: string): string {
  return registry.replace(':', '_');
}

/** The manifest's digest that an archive's name ends with; undefined where it is no archive's name. */
export function manifestOfArchive(blob: string): Digest | undefined {
  const [, hex = ''] = /^[^_].*\/([0-9a-f]+)\.tar$/.exec(blob) ?? [];
  const digest = `${hex.length === 128 ? 'sha512' : 'sha256'}:${hex}`;
  return isDigest(digest) ? digest : undefined;
}

/** The folder of a repository of `library` as people write it: `ubuntu/` for `library/ubuntu`. */
export function shortFolder({ registry, repository }: RepositoryName): string | undefined {
  const [, short] = /^library\/([^/]+)$/.exec(repository) ?? [];
  return registry === DOCKER_HUB && short !== undefined ? `${short}/` : undefined;
}

/** Whether archives of this repository may lie in this folder. */
export function isFolderOf(name: RepositoryName, folder: string): boolean {
  return repositoryFolder(name) === folder || shortFolder(name) === folder;
}

/** Which repository a folder is of, as whoever put an archive there meant it; undefined where it is none's name. */
export function repositoryOfFolder(folder: string): RepositoryName | undefined {
  const path = folder.replace(/\/$/, '');
  // A port; on Docker Hub nothing before an underscore has a dot, or is called localhost.
  for (const text of [path.replace(/^([^/]*\.[^/]*|localhost)_(\d{1,5})\//, '$1:$2/'), path]) {
    try {
      const { registry, repository, tag } = parseReference(text);
      const name = { registry, repository };
      if (tag === 'latest' && isFolderOf(name, folder)) return name;
    } catch {
      // The next reading, or none.
    }
  }
  return undefined;
}

/** Folder and file of what may be an archive that somebody put there: `<repository>/<hash>.tar`, or gzipped. */
export function uploadName(blob: string): { readonly folder: string; readonly file: string } | undefined {
  const [, folder, file] = /^([^_].*\/)([^/]+)\.(?:tar|tar\.gz|tgz)$/i.exec(blob) ?? [];
  return folder === undefined || file === undefined ? undefined : { folder, file };
}

/** The digest in a file's name: bare hex digits, or with the algorithm in front. */
export function hashInName(file: string): Digest | undefined {
  const [, algorithm, hex = ''] = /^(?:(sha256|sha512)[-_:])?([0-9a-f]+)$/.exec(file) ?? [];
  const digest = `${algorithm ?? (hex.length === 128 ? 'sha512' : 'sha256')}:${hex}`;
  return isDigest(digest) ? digest : undefined;
}
