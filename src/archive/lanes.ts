import type { LayerBlocks } from './blocks.ts';

const MiB = 1024 * 1024;
/** Small layers share a task until it reaches this: fewer activities, each long enough to be worth its start. */
const TASK_BYTES = 256 * MiB;
/** A layer above this is copied in consecutive segments: no activity may run for long. */
const SEGMENT_BYTES = 1024 * MiB;

/** A stretch of blocks, [from, to), that one activity copies: whole layers, or a part of one. */
export interface Segment {
  readonly from: number;
  readonly to: number;
}

/** Segments that must follow one another, since one layer's running digest passes through them. Mostly one. */
export type Lane = readonly Segment[];

export interface CopyLimits {
  readonly taskBytes: number;
  readonly segmentBytes: number;
}

export const COPY_LIMITS: CopyLimits = { taskBytes: TASK_BYTES, segmentBytes: SEGMENT_BYTES };

/** Divides the layers' blocks into lanes; lanes are independent of one another. */
export function divideIntoLanes(layers: readonly LayerBlocks[], limits = COPY_LIMITS): Lane[] {
  const lanes: Lane[] = [];
  let open: { from: number; to: number; bytes: number } | undefined;
  const closeOpen = (): void => {
    if (open !== undefined) lanes.push([{ from: open.from, to: open.to }]);
    open = undefined;
  };
  for (const { blocks } of layers) {
    const [first, last] = [blocks[0], blocks.at(-1)];
    if (first === undefined || last === undefined) continue;
    const bytes = last.end - first.start;
    if (bytes > limits.taskBytes) {
      closeOpen();
      lanes.push(segments(first.index, last.index + 1, first.end - first.start, limits.segmentBytes));
      continue;
    }
    if (open !== undefined && open.bytes + bytes > limits.taskBytes) closeOpen();
    open ??= { from: first.index, to: first.index, bytes: 0 };
    open = { from: open.from, to: last.index + 1, bytes: open.bytes + bytes };
  }
  closeOpen();
  return lanes;
}

function segments(from: number, to: number, blockBytes: number, segmentBytes: number): Segment[] {
  const step = Math.max(1, Math.floor(segmentBytes / blockBytes));
  const lane: Segment[] = [];
  for (let start = from; start < to; start += step)
    lane.push({ from: start, to: Math.min(start + step, to) });
  return lane;
}
