import { type Digest, hexOf, isDigest } from '../../image/digest.ts';
import { DOCKER_HUB, type RepositoryName } from '../../image/reference.ts';

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
