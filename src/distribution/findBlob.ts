import { LRUCache } from 'lru-cache';
import type { OpenArchive } from '../archive/openHead.ts';
import { openArchive } from '../catalog/openArchive.ts';
import type { Digest } from '../image/digest.ts';
import { canonicalReference, type RepositoryName } from '../image/reference.ts';
import { listArchives, type CachedImage, readArchive } from '../store/archive/archives.ts';
import { repositoryFolder } from '../store/archive/archiveNames.ts';
import { findHolders, writeHolder } from '../store/hints/layers.ts';
import type { Storage } from '../store/storage.ts';

/** Archives of a repository that are looked into for a blob of which no hint tells. */
const MOST_OPENED = 20;
/** Pages of a thousand names that are looked through for the newest of them. */
const MOST_PAGES = 5;
/** How long it is remembered that nobody has a blob. */
const NOBODY_MS = 60_000;

/** An archive that holds a blob. */
export interface Holder {
  readonly cached: CachedImage;
  readonly archive: OpenArchive;
}

/** What one process has learnt: an archive never changes, so what it holds is looked up once. */
interface Learnt {
  /** By the archive's name. */
  readonly contents: LRUCache<string, Promise<ReadonlySet<Digest> | undefined>>;
  /** Archives about which there are hints. */
  readonly noted: LRUCache<string, true>;
  /** Blobs that no archive holds. */
  readonly nobody: LRUCache<string, true>;
}

const learnt = new WeakMap<Storage, Learnt>();

/**
 * The archive of a repository that holds a blob: the hint about it, or else a look into the newest archives. Anybody
 * may ask for any digest, so however much is cached, it costs a bounded number of storage calls.
 */
export async function findBlob(
  storage: Storage,
  { registry, repository }: RepositoryName,
  digest: Digest,
): Promise<Holder | undefined> {
  const folder = repositoryFolder({ registry, repository });
  for (const blob of await findHolders(storage, digest, folder)) {
    const holder = await openIfHeld(storage, await readArchive(storage, blob), digest);
    if (holder !== undefined) return holder;
  }
  const { nobody } = learntOf(storage);
  const key = `${folder} ${digest}`;
  if (nobody.has(key)) return undefined;
  for (const cached of await newestArchives(storage, { registry, repository })) {
    if (!(await contentsOf(storage, cached))?.has(digest)) continue;
    const holder = await openIfHeld(storage, cached, digest);
    if (holder === undefined) continue;
    await noteHolder(storage, holder);
    return holder;
  }
  nobody.set(key, true);
  return undefined;
}

/** Keeps what an archive holds, where that is not known: it was made before there were such hints, or they were lost. */
export async function noteHolder(storage: Storage, { cached, archive }: Holder): Promise<void> {
  const { noted } = learntOf(storage);
  if (noted.has(cached.blob)) return;
  noted.set(cached.blob, true);
  const { config } = archive.image;
  if ((await findHolders(storage, config.digest, cached.blob)).length === 0)
    await writeHolder(storage, cached.blob, digestsIn(archive));
}

async function openIfHeld(
  storage: Storage,
  cached: CachedImage | undefined,
  digest: Digest,
): Promise<Holder | undefined> {
  if (cached === undefined) return undefined;
  const archive = await openArchive(storage, cached);
  return archive !== undefined && digestsIn(archive).includes(digest) ? { cached, archive } : undefined;
}

/** Those that this process knows already cost nothing more; of the others, the newest few. */
async function newestArchives(
  storage: Storage,
  { registry, repository }: RepositoryName,
): Promise<CachedImage[]> {
  const name = canonicalReference({ registry, repository });
  const prefix = repositoryFolder({ registry, repository });
  const found: CachedImage[] = [];
  let continuation: string | undefined;
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    const from = continuation === undefined ? {} : { continuation };
    const page = await listArchives(storage, { prefix, pageSize: 1000, ...from });
    found.push(
      ...page.images.filter(({ image }) => image.startsWith(`${name}:`) || image.startsWith(`${name}@`)),
    );
    continuation = page.continuation;
    if (continuation === undefined) break;
  }
  const { contents } = learntOf(storage);
  const unknown = found
    .filter(({ blob }) => !contents.has(blob))
    .sort((a, b) => b.createdAt.localeCompare(a.createdAt));
  return [...found.filter(({ blob }) => contents.has(blob)), ...unknown.slice(0, MOST_OPENED)];
}

function contentsOf(storage: Storage, cached: CachedImage): Promise<ReadonlySet<Digest> | undefined> {
  const { contents } = learntOf(storage);
  const known = contents.get(cached.blob);
  if (known !== undefined) return known;
  const task = openArchive(storage, cached).then((archive) => archive && new Set(digestsIn(archive)));
  contents.set(cached.blob, task);
  task.catch(() => contents.delete(cached.blob));
  return task;
}

function digestsIn({ image }: OpenArchive): Digest[] {
  return [image.config, ...image.layers].map(({ digest }) => digest);
}

function learntOf(storage: Storage): Learnt {
  const known = learnt.get(storage) ?? {
    contents: new LRUCache<string, Promise<ReadonlySet<Digest> | undefined>>({ max: 2000 }),
    noted: new LRUCache<string, true>({ max: 10_000 }),
    nobody: new LRUCache<string, true>({ max: 10_000, ttl: NOBODY_MS }),
  };
  learnt.set(storage, known);
  return known;
}
