import type { LayerBlocks } from './blocks.ts';

const MiB = 1024 * 1024;
/** Small layers are dealt out together until they reach this: each activity is worth its start. */
export const TASK_BYTES = 256 * MiB;
/** Activities of one run that copy at the same time, however many layers it has: others want to be copied too. */
export const MAX_SHARES = 4;

/** Consecutive blocks, [from, to): whole layers, or a part of one. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** Divides the layers' blocks into stretches that can be copied independently: a large layer, or some small ones. */
export function divideIntoStretches(layers: readonly LayerBlocks[], taskBytes = TASK_BYTES): Stretch[] {
  const stretches: Stretch[] = [];
  let open: { from: number; to: number; bytes: number } | undefined;
  const closeOpen = (): void => {
    if (open !== undefined) stretches.push({ from: open.from, to: open.to });
    open = undefined;
  };
  for (const { blocks } of layers) {
    const [first, last] = [blocks[0], blocks.at(-1)];
    if (first === undefined || last === undefined) continue;
    const bytes = last.end - first.start;
    if (open !== undefined && open.bytes + bytes > taskBytes) closeOpen();
    open ??= { from: first.index, to: first.index, bytes: 0 };
    open = { from: open.from, to: last.index + 1, bytes: open.bytes + bytes };
  }
  closeOpen();
  return stretches;
}

/**
 * Deals stretches out into at most four shares of about as many blocks: the longest first, each to the share that
 * has least. Within a share they keep their order. The same input gives the same shares, as a replay needs.
 */
export function dealOut<T extends Stretch>(stretches: readonly T[]): T[][] {
  const shares = Array.from({ length: Math.min(MAX_SHARES, stretches.length) }, () => ({
    blocks: 0,
    stretches: [] as T[],
  }));
  for (const stretch of stretches.toSorted((a, b) => length(b) - length(a))) {
    const least = shares.reduce((best, share) => (share.blocks < best.blocks ? share : best));
    least.blocks += length(stretch);
    least.stretches.push(stretch);
  }
  return shares.map((share) => share.stretches.sort((a, b) => a.from - b.from));
}

function length({ from, to }: Stretch): number {
  return to - from;
}
