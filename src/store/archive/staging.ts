import { Readable } from 'node:stream';
import { type BlobRequestConditions, type BlockBlobClient, RestError } from '@azure/storage-blob';
import { CacheError } from '../../errors.ts';
import { type ImageMetadata, isPlaceholder, PLACEHOLDER, toMetadata } from './archiveMetadata.ts';
import { findIn, hasStatus, type Storage, storing } from '../storage.ts';

/**
 * Blocks on their way into an archive. A block's id is its number in the archive, the run (orchestration) and the
 * attempt (one execution of one activity) that staged it, all of fixed width as Put Block demands. Only the ids of
 * attempts that proved their digests are committed, so a block that a second, failing execution of the same
 * activity stages over the same number can never get in.
 * https://learn.microsoft.com/rest/api/storageservices/put-block
 */
export interface BlockId {
  readonly index: number;
  /** 8 hex digits. */
  readonly run: string;
  /** 8 hex digits. */
  readonly attempt: string;
}

export const ARCHIVE_CONTENT_TYPE = 'application/x-tar';

/** All tries of one block. The SDK's own time-out is the server's: it does not end a connection that hangs. */
const STAGE_TIMEOUT_MS = 5 * 60_000;

/** @param pieces the block's bytes, in order; not copied, so they must stay as they are until it is staged */
export async function stageBlock(
  storage: Storage,
  blob: string,
  id: BlockId,
  pieces: readonly Uint8Array[],
  signal?: AbortSignal,
): Promise<void> {
  const length = pieces.reduce((total, piece) => total + piece.length, 0);
  const timeout = AbortSignal.timeout(STAGE_TIMEOUT_MS);
  const abortSignal = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  await storing('staging a block', async () => {
    try {
      await storage.images
        .getBlockBlobClient(blob)
        // A new stream for each try.
        .stageBlock(encodeBlockId(id), () => Readable.from(pieces, { objectMode: false }), length, {
          abortSignal,
        });
    } catch (error) {
      if (isBlockCountExceeded(error)) throw tooManyBlocks(blob);
      if (timeout.aborted) throw new Error('timed out', { cause: error });
      throw error;
    }
  });
}

/** Storage takes 100,000 blocks that are not committed yet under one name, of all runs together. */
function isBlockCountExceeded(error: unknown): boolean {
  return error instanceof RestError && error.code === 'BlockCountExceedsLimit';
}

function tooManyBlocks(blob: string): CacheError {
  return new CacheError(
    'storage_unavailable',
    `So many tries left blocks under ${blob} that storage takes no more. They go with the run that ends now, or in a week. Ask for the image again.`,
    { retryable: false },
  );
}

/** Bytes of an archive that this run has staged so far: each block once, however often it was tried. */
export async function stagedBytes(storage: Storage, blob: string, run: string): Promise<number> {
  const sizes = new Map<number, number>();
  for (const block of await uncommittedBlocks(storage, blob)) {
    const id = decodeBlockId(block.name);
    if (id?.run === run) sizes.set(id.index, block.size);
  }
  return [...sizes.values()].reduce((total, size) => total + size, 0);
}

/**
 * Puts the blocks together under `blob`, unless it is there already.
 * @param blocks every block of the archive, in order, with the size it must have
 * @returns false where the archive was already committed: by another run, with the same bytes
 * @throws {CacheError} storage_unavailable where blocks are missing; not retryable, since only copying brings them back
 */
export async function commitBlocks(
  storage: Storage,
  blob: string,
  blocks: readonly { readonly id: BlockId; readonly size: number }[],
  metadata: ImageMetadata,
  layout: string,
): Promise<boolean> {
  const client = storage.images.getBlockBlobClient(blob);
  const staged = new Map((await uncommittedBlocks(storage, blob)).map((block) => [block.name, block.size]));
  const missing = blocks.find((block) => staged.get(encodeBlockId(block.id)) !== block.size);
  return storing('committing an archive', async () => {
    if (missing !== undefined) {
      // Another run's commit throws our staged blocks away: then the archive is there.
      if ((await client.exists()) && (await placeholder(client)) === undefined) return false;
      throw new CacheError(
        'storage_unavailable',
        `Block ${missing.id.index} of ${blob} is not staged any more: storage keeps blocks for a week. Ask for the image again.`,
        { retryable: false },
      );
    }
    const commit = (conditions: BlobRequestConditions): Promise<unknown> =>
      client.commitBlockList(
        blocks.map((block) => encodeBlockId(block.id)),
        {
          conditions,
          metadata: toMetadata(metadata, layout),
          blobHTTPHeaders: { blobContentType: ARCHIVE_CONTENT_TYPE },
        },
      );
    try {
      await commit({ ifNoneMatch: '*' });
      return true;
    } catch (error) {
      const isThere = hasStatus(error, 409, 412) || (hasStatus(error, 400) && (await client.exists()));
      if (!isThere) throw error;
    }
    // A run that failed may be clearing away there, or was lost in the middle of it.
    const etag = await placeholder(client);
    if (etag === undefined) return false;
    try {
      await commit({ ifMatch: etag });
      return true;
    } catch (error) {
      if (hasStatus(error, 409, 412)) return false;
      throw error;
    }
  });
}

/** The ETag of such a blob, where it is what is there. */
async function placeholder(client: BlockBlobClient): Promise<string | undefined> {
  const found = await findIn('looking for an image', () => client.getProperties());
  return isPlaceholder(found?.metadata) ? found?.etag : undefined;
}

/**
 * Throws away the staged blocks of an archive that was never committed, where all are of runs that are of no use.
 * Storage has no call for it, but forgets what a commit does not name: so none is committed, and the empty blob that
 * this makes is deleted at once.
 * Whoever commits in between replaces it (commitBlocks), which the conditions make safe.
 * https://learn.microsoft.com/rest/api/storageservices/put-block-list#remarks
 */
export async function dropStagedBlocks(
  storage: Storage,
  blob: string,
  isUseless: (run: string) => boolean,
): Promise<void> {
  const client = storage.images.getBlockBlobClient(blob);
  const staged = await uncommittedBlocks(storage, blob);
  const isOurs = staged.every(({ name }) => {
    const id = decodeBlockId(name);
    return id !== undefined && isUseless(id.run);
  });
  if (!isOurs) return;
  await storing('clearing away staged blocks', async () => {
    try {
      const left = await placeholder(client);
      if (left === undefined && staged.length === 0) return;
      const etag =
        left ??
        (await client.commitBlockList([], { conditions: { ifNoneMatch: '*' }, metadata: { ...PLACEHOLDER } }))
          .etag;
      await client.delete({ conditions: { ifMatch: etag ?? '' } });
    } catch (error) {
      // Somebody else put a blob there, or has cleared away.
      if (!hasStatus(error, 404, 409, 412)) throw error;
    }
  });
}

/** The run that staged the blocks of a committed archive; undefined where there is none, or no run did. */
export async function committingRun(storage: Storage, blob: string): Promise<string | undefined> {
  const list = await findIn('reading a block list', () =>
    storage.images.getBlockBlobClient(blob).getBlockList('committed'),
  );
  const [first] = list?.committedBlocks ?? [];
  return first && decodeBlockId(first.name)?.run;
}

/** Names under which blocks may be staged and nothing was ever committed; also of blobs that are empty. */
export async function namesOfStaged(storage: Storage): Promise<string[]> {
  return storing('listing staged blocks', async () => {
    const names: string[] = [];
    for await (const { name, properties } of storage.images.listBlobsFlat({ includeUncommitedBlobs: true }))
      if ((properties.contentLength ?? 0) === 0) names.push(name);
    return names;
  });
}

async function uncommittedBlocks(storage: Storage, blob: string): Promise<{ name: string; size: number }[]> {
  return storing('reading a block list', async () => {
    try {
      const list = await storage.images.getBlockBlobClient(blob).getBlockList('uncommitted');
      return list.uncommittedBlocks ?? [];
    } catch (error) {
      if (hasStatus(error, 404)) return [];
      throw error;
    }
  });
}

function encodeBlockId({ index, run, attempt }: BlockId): string {
  return Buffer.from(`${String(index).padStart(5, '0')}.${run}.${attempt}`).toString('base64');
}

function decodeBlockId(name: string): BlockId | undefined {
  const match = /^(\d{5})\.([0-9a-f]{8})\.([0-9a-f]{8})$/.exec(
    Buffer.from(name, 'base64').toString('latin1'),
  );
  if (match === null) return undefined;
  const [, index = '', run = '', attempt = ''] = match;
  return { index: Number(index), run, attempt };
}
