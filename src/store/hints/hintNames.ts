import { algorithmOf, type Digest, hexOf } from '../../image/digest.ts';
import { formatPlatform, type Platform } from '../../image/platform.ts';
import type { RepositoryName } from '../../image/reference.ts';
import { registryFolder } from '../archive/archiveNames.ts';

/** What a tag pointed to when the registry was last asked. */
export function tagAliasName(name: RepositoryName, tag: string): string {
  return `refs/${registryFolder(name.registry)}/${name.repository}/_tags/${tag}.json`;
}

/** Which manifest an index (or a manifest) gives on a platform. */
export function digestAliasName(name: RepositoryName, digest: Digest, platform: Platform): string {
  const file = `${formatPlatform(platform).replaceAll('/', '-')}.json`;
  return `refs/${registryFolder(name.registry)}/${name.repository}/_digests/${algorithmOf(digest)}-${hexOf(digest)}/${file}`;
}

/** A manifest's, index's or config's own bytes. */
export function documentName(digest: Digest): string {
  return `manifests/${algorithmOf(digest)}/${hexOf(digest)}`;
}
