import type { InvocationContext } from '@azure/functions';
import { pruneImages, type PruneReport } from '../upkeep/pruneImages.ts';
import type { AppContext } from './appContext.ts';

/** Prunes, whoever asked for it, and tells the log and all who count. */
export async function pruneAndTell(context: AppContext, invocation: InvocationContext): Promise<PruneReport> {
  const began = performance.now();
  const report = await pruneImages(context);
  const { kept, keptBytes, deleted, held } = report;
  for (const { blob, size, lastUsed } of deleted) {
    invocation.log(`Pruned ${blob}: ${size} bytes, last used ${lastUsed}.`);
  }
  for (const { blob } of held) {
    invocation.warn(`${blob} is due, but a lease, a legal hold or a policy of the account holds it.`);
  }
  context.events.emit({
    type: 'prune',
    deleted: deleted.length,
    held: held.length,
    kept,
    bytes: deleted.reduce((total, { size }) => total + size, 0),
    seconds: Math.round(performance.now() - began) / 1000,
  });
  context.events.emit({ type: 'store', images: kept, bytes: keptBytes });
  return report;
}
