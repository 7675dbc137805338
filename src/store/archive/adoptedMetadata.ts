import { type Digest, hexOf, isDigest } from '../../image/digest.ts';
import type { RepositoryName } from '../../image/reference.ts';
import { isFolderOf, uploadName } from './archiveNames.ts';

/** What is known of an archive that somebody put there, beside what is known of every archive. */
export interface Adopted {
  /** `docker`: every `docker load` takes it. `oci`: an OCI image layout alone, which only some take. */
  readonly format: 'docker' | 'oci';
  /** The whole archive is compressed. */
  readonly encoding: 'gzip' | undefined;
  /** Where the digest comes from by which it is found: its manifest, its config, or the operator's word alone. */
  readonly digestFrom: 'manifest' | 'imageid' | 'name';
  /** Tags of its repository that it has. */
  readonly tags: readonly string[];
  /** Of the list of its diff ids, a line each: what tells whether a node loaded it, whatever that calls it. */
  readonly diffIdsDigest: Digest;
  /** Of the layers as they lie in it, bottom first; only where no `docker load` would find them, and they are sha256. */
  readonly layerDigests: readonly Digest[];
}

/** All metadata of a blob together have 8 KiB. */
const MAX_TAGS_LENGTH = 1500;
const MAX_LAYERS_LENGTH = 5500;

/** As members of metadata. */
export function adoptedMembers(adopted: Adopted): Record<string, string> {
  const { format, encoding, digestFrom, tags, diffIdsDigest, layerDigests } = adopted;
  const raw = Buffer.concat(layerDigests.map((digest) => Buffer.from(hexOf(digest), 'hex'))).toString(
    'base64',
  );
  return {
    format,
    ...(encoding !== undefined && { encoding }),
    digestfrom: digestFrom,
    ...(tags.length > 0 && { tags: joined(tags) }),
    diffidsdigest: diffIdsDigest,
    ...(raw !== '' && raw.length <= MAX_LAYERS_LENGTH && { layerdigests: raw }),
  };
}

/** As many as there is room for, the first ones. */
function joined(tags: readonly string[]): string {
  let text = '';
  for (const tag of tags) {
    if (text.length + tag.length >= MAX_TAGS_LENGTH) break;
    text += text === '' ? tag : ` ${tag}`;
  }
  return text;
}

/** Undefined where it is not an adopted one's, or not of this repository. */
export function parseAdopted(
  blob: string,
  name: RepositoryName,
  metadata: Readonly<Record<string, string | undefined>>,
): Adopted | undefined {
  const { format, encoding, digestfrom, tags = '', diffidsdigest = '', layerdigests = '' } = metadata;
  const { folder } = uploadName(blob) ?? {};
  if (folder === undefined || !isFolderOf(name, folder)) return undefined;
  if (format !== 'docker' && format !== 'oci') return undefined;
  if (encoding !== undefined && encoding !== 'gzip') return undefined;
  if (digestfrom !== 'manifest' && digestfrom !== 'imageid' && digestfrom !== 'name') return undefined;
  if (!isDigest(diffidsdigest)) return undefined;
  const raw = Buffer.from(layerdigests, 'base64');
  const layerDigests = Array.from(
    { length: raw.length / 32 },
    (_, at): Digest => `sha256:${raw.toString('hex', at * 32, at * 32 + 32)}`,
  );
  return {
    format,
    encoding,
    digestFrom: digestfrom,
    tags: tags.split(' ').filter((tag) => tag !== ''),
    diffIdsDigest: diffidsdigest,
    layerDigests,
  };
}
