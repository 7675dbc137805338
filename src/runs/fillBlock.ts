import { setTimeout as sleep } from 'node:timers/promises';
import type { Block } from '../archive/blocks.ts';
import type { LayerExtent } from '../archive/layout.ts';
import type { BlobReader } from '../registry/blob/blobReader.ts';
import type { OpenBlock } from './blockMemory.ts';

/**
 * Milliseconds that a connection is kept while its block waits for memory. Then it is given back and the bytes are
 * asked for again later: somebody may be waiting for a connection who holds the memory that is waited for.
 */
const PAUSE_MS = 20_000;

/** Fills one block: the layer's tar header, bytes and padding, as far as they lie in it. */
export async function fillBlock(
  open: OpenBlock,
  block: Block,
  layer: LayerExtent,
  reader: BlobReader | undefined,
  signal: AbortSignal,
): Promise<void> {
  let header = layer.header.subarray(
    Math.max(0, block.start - layer.start),
    Math.max(0, block.end - layer.start),
  );
  const appendHeader = (): void => {
    open.append(header);
    header = header.subarray(header.length);
  };
  let at = layerOffset(layer, block.start);
  const end = layerOffset(layer, block.end);
  while (reader !== undefined && at < end) {
    let late: { readonly room: Promise<void>; readonly chunk: Uint8Array } | undefined;
    for await (const chunk of reader.read(at, end)) {
      signal.throwIfAborted();
      // Nothing is held before the first byte is here, so that a registry which sends none costs none.
      const room = open.reserve(header.length + chunk.length, signal);
      at += chunk.length;
      if (room !== undefined && (await outlasts(room, PAUSE_MS))) {
        late = { room, chunk };
        break;
      }
      appendHeader();
      open.append(chunk);
    }
    if (late === undefined) break;
    await late.room;
    appendHeader();
    open.append(late.chunk);
  }
  if (at !== end) throw new Error(`The reader gave ${end - at} bytes too few for a block.`);
  const padding = Math.max(0, block.end - Math.max(block.start, layer.dataEnd));
  await open.reserve(header.length + padding, signal);
  appendHeader();
  open.append(Buffer.alloc(padding));
}

/** Whether a promise is still waited for after so long. @throws what it throws until then */
async function outlasts(promise: Promise<void>, milliseconds: number): Promise<boolean> {
  const stop = new AbortController();
  const timer = sleep(milliseconds, true, { signal: stop.signal }).catch(() => false);
  try {
    return await Promise.race([promise.then(() => false), timer]);
  } finally {
    stop.abort();
  }
}

/** A place in the archive as an offset into the layer's own bytes. */
export function layerOffset(layer: LayerExtent, position: number): number {
  return Math.min(Math.max(position - layer.dataStart, 0), layer.descriptor.size);
}
