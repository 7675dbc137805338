import { algorithmOf, type Digest, hexOf } from '../../image/digest.ts';
import { formatPlatform, type Platform } from '../../image/platform.ts';
import { DOCKER_HUB, type ImageReference } from '../../image/reference.ts';

type Name = Pick<ImageReference, 'registry' | 'repository'>;

/**
 * Blob names. A repository's path is lower-case letters, digits and `._-/`, never starts a component with `_`
 * and has no empty or dotted one (src/image/reference.ts), so no image name can leave its own folder.
 */

/** `broadinstitute/gatk/<hex>.tar`; for another registry than Docker Hub its host first, `host:5000` as `host_5000`. */
export function archiveName(name: Name, manifest: Digest): string {
  return `${repositoryFolder(name)}${hexOf(manifest)}.tar`;
}

/** The folder that holds all archives of one repository, with its `/`. */
export function repositoryFolder(name: Name): string {
  return name.registry === DOCKER_HUB
    ? `${name.repository}/`
    : `${folder(name.registry)}/${name.repository}/`;
}

/** What a tag pointed to when the registry was last asked. */
export function tagAliasName(name: Name, tag: string): string {
  return `refs/${folder(name.registry)}/${name.repository}/_tags/${tag}.json`;
}

/** Which manifest an index (or a manifest) gives on a platform. */
export function digestAliasName(name: Name, digest: Digest, platform: Platform): string {
  const file = `${formatPlatform(platform).replaceAll('/', '-')}.json`;
  return `refs/${folder(name.registry)}/${name.repository}/_digests/${algorithmOf(digest)}-${hexOf(digest)}/${file}`;
}

/** A manifest's, index's or config's own bytes. */
export function documentName(digest: Digest): string {
  return `manifests/${algorithmOf(digest)}/${hexOf(digest)}`;
}

function folder(registry: string): string {
  return registry.replace(':', '_');
}
