import { algorithmOf, type Digest, hexOf } from '../../image/digest.ts';
import { formatPlatform, type Platform } from '../../image/platform.ts';
import type { RepositoryName } from '../../image/reference.ts';
import { registryFolder } from '../archive/archiveNames.ts';

/** What registries said that a tag stands for. */
export function tagAliasName(name: RepositoryName, tag: string): string {
  return `${tagAliasFolder(name)}${tag}.json`;
}

/** The folder of a repository's tags, with its `/`. */
export function tagAliasFolder({ registry, repository }: RepositoryName): string {
  return `refs/${registryFolder(registry)}/${repository}/_tags/`;
}

/** Which manifest an index (or a manifest) gives on a platform. */
export function digestAliasName(name: RepositoryName, digest: Digest, platform: Platform): string {
  const file = `${formatPlatform(platform).replaceAll('/', '-')}.json`;
  return `${digestAliasFolder(name)}${algorithmOf(digest)}-${hexOf(digest)}/${file}`;
}

/** The folder of a repository's digests, with its `/`. */
export function digestAliasFolder({ registry, repository }: RepositoryName): string {
  return `refs/${registryFolder(registry)}/${repository}/_digests/`;
}

/** A manifest's, index's or config's own bytes. */
export function documentName(digest: Digest): string {
  return `${DOCUMENTS}${algorithmOf(digest)}/${hexOf(digest)}`;
}

/** The folder of all documents. */
export const DOCUMENTS = 'manifests/';

/** The folder of all layers. */
export const LAYERS = 'layers/';

/** The folder of the archives that hold a layer, with its `/`. */
export function holdersFolder(digest: Digest): string {
  return `${LAYERS}${algorithmOf(digest)}/${hexOf(digest)}/`;
}

/** That an archive holds a layer. */
export function holderName(digest: Digest, archive: string): string {
  return `${holdersFolder(digest)}${archive}`;
}
