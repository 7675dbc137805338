import type { Digest } from '../image/digest.ts';
import { canonicalReference, parseReference, type RepositoryName } from '../image/reference.ts';
import type { CachedImage } from '../store/archive/archives.ts';
import { BloomFilter } from './bloomFilter.ts';

/** What an image's archive says that is needed of the hints. */
export type HintedImage = Pick<CachedImage, 'blob' | 'image' | 'manifestDigest' | 'indexDigest' | 'imageId'>;

/** Of 100,000 archives, seven keys each: about three hints in a million stay longer than they have to. */
const LEFT_BYTES = 8 * 1024 * 1024;
const GONE_BYTES = 2 * 1024 * 1024;

/**
 * Which archives are left and which went, in memory of a fixed size: what the hints are held against afterwards. Nothing
 * that a left archive needs is forgotten; of what went, a little may stay for some days.
 */
export class StoreChange {
  readonly #left = new BloomFilter(LEFT_BYTES);
  readonly #gone = new BloomFilter(GONE_BYTES);
  /** `registry/repository` of archives that went. */
  readonly repositories = new Set<string>();

  leave(image: HintedImage): void {
    const { blob, image: name } = image;
    const ref = parseReference(name);
    this.#left.add(`blob ${blob}`);
    for (const digest of documentsOf(image)) this.#left.add(`document ${digest}`);
    for (const digest of aliasesOf(image)) this.#left.add(`alias ${repositoryOf(ref)} ${digest}`);
    if (ref.tag !== undefined) this.#left.add(`tag ${repositoryOf(ref)}:${ref.tag}`);
  }

  remove(image: HintedImage): void {
    const { blob, image: name, indexDigest } = image;
    const repository = repositoryOf(parseReference(name));
    this.repositories.add(repository);
    this.#gone.add(`blob ${blob}`);
    for (const digest of documentsOf(image)) this.#gone.add(`document ${digest}`);
    for (const digest of aliasesOf(image)) this.#gone.add(`alias ${repository} ${digest}`);
    if (indexDigest !== undefined) this.#gone.add(`index ${indexDigest}`);
  }

  /** Of a digest that some left archive was made from. */
  isNeeded(digest: Digest): boolean {
    return this.#left.has(`document ${digest}`);
  }

  /** Of a document that only archives which went were made from. */
  isForgotten(digest: Digest): boolean {
    return this.#gone.has(`document ${digest}`) && !this.isNeeded(digest);
  }

  /** Of an index that led to an archive which went. */
  wasIndex(digest: Digest): boolean {
    return this.#gone.has(`index ${digest}`);
  }

  isThere(blob: string): boolean {
    return this.#left.has(`blob ${blob}`);
  }

  isGone(blob: string): boolean {
    return this.#gone.has(`blob ${blob}`) && !this.isThere(blob);
  }

  /** Of a digest by which an archive of the repository is found. */
  leadsTo(name: RepositoryName, digest: Digest): 'left' | 'gone' | undefined {
    const key = `alias ${repositoryOf(name)} ${digest}`;
    return this.#left.has(key) ? 'left' : this.#gone.has(key) ? 'gone' : undefined;
  }

  /** Whether a left archive was made for this tag. */
  hasTagged(name: RepositoryName, tag: string): boolean {
    return this.#left.has(`tag ${repositoryOf(name)}:${tag}`);
  }
}

function documentsOf({ manifestDigest, indexDigest, imageId }: HintedImage): readonly Digest[] {
  return [manifestDigest, imageId, ...(indexDigest === undefined ? [] : [indexDigest])];
}

function aliasesOf({ manifestDigest, indexDigest }: HintedImage): readonly Digest[] {
  return [manifestDigest, ...(indexDigest === undefined ? [] : [indexDigest])];
}

function repositoryOf({ registry, repository }: RepositoryName): string {
  return canonicalReference({ registry, repository });
}
