import type { Command } from './command.ts';
import { add } from './commands/add.ts';
import { completion } from './commands/completion.ts';
import { list } from './commands/list.ts';
import { lookup } from './commands/lookup.ts';
import { prune } from './commands/prune.ts';
import { reindex } from './commands/reindex.ts';
import { remove } from './commands/remove.ts';
import { show } from './commands/show.ts';
import { stats } from './commands/stats.ts';
import { verify } from './commands/verify.ts';
import { warm } from './commands/warm.ts';
import { watch } from './commands/watch.ts';

/** In the order in which they are listed. */
export const COMMANDS: readonly Command[] = [
  ...[add, watch, lookup, list, show, stats, verify],
  ...[remove, prune, warm, reindex, completion],
];
