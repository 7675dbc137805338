import { CacheError } from '../../errors.ts';
import { type ImageMetadata, toMetadata } from './archiveMetadata.ts';
import { hasStatus, type Storage, storing } from '../storage.ts';

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

export async function stageBlock(
  storage: Storage,
  blob: string,
  id: BlockId,
  bytes: Uint8Array,
  signal?: AbortSignal,
): Promise<void> {
  const timeout = AbortSignal.timeout(STAGE_TIMEOUT_MS);
  const abortSignal = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  await storing('staging a block', async () => {
    try {
      await storage.images
        .getBlockBlobClient(blob)
        .stageBlock(encodeBlockId(id), bytes, bytes.length, { abortSignal });
    } catch (error) {
      if (timeout.aborted) throw new Error('timed out', { cause: error });
      throw error;
    }
  });
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
      if (await client.exists()) return false;
      throw new CacheError(
        'storage_unavailable',
        `Block ${missing.id.index} of ${blob} is not staged any more: storage keeps blocks for a week. Ask for the image again.`,
        { retryable: false },
      );
    }
    try {
      await client.commitBlockList(
        blocks.map((block) => encodeBlockId(block.id)),
        {
          conditions: { ifNoneMatch: '*' },
          metadata: toMetadata(metadata, layout),
          blobHTTPHeaders: { blobContentType: ARCHIVE_CONTENT_TYPE },
        },
      );
      return true;
    } catch (error) {
      if (hasStatus(error, 409, 412) || (hasStatus(error, 400) && (await client.exists()))) return false;
      throw error;
    }
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
