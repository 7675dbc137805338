import type { PruneView } from '../../api/operatorViews.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../exitCodes.ts';
import { formatAge, formatBytes, formatTable } from '../format.ts';

export const prune: Command = {
  name: 'prune',
  operands: '',
  least: 0,
  most: 0,
  summary: 'delete what nobody used for long, as the timer does',
  options: ['storage', 'dry-run', 'json'],
  completes: [],
  run: async ({ options, output, cache: find }) => {
    const { 'dry-run': dryRun = false, json = false } = options;
    const report = await (await find()).prune(dryRun);
    if (json) output.json(report);
    else for (const line of lines(report, dryRun)) output.line(line);
    for (const { image, reason } of report.held)
      output.message(`${image} is held by something else. ${reason}`);
    for (const { image, detail } of report.failed) output.message(`${image} is still there. ${detail}`);
    if (report.overBudgetBytes > 0)
      output.message(`What stays exceeds MAX_CACHE_BYTES by ${formatBytes(report.overBudgetBytes)}.`);
    if (!report.complete) output.message('Not all was done: ask again, or leave the rest to the timer.');
    return report.complete && report.failedCount === 0 ? EXIT.done.code : EXIT.notNow.code;
  },
};

function lines({ pruned, prunedCount, bytes, kept }: PruneView, dryRun: boolean): string[] {
  const rows = pruned.map(({ image, size, lastUsed, reason }) => [
    image,
    formatBytes(size),
    formatAge(lastUsed, Date.now()),
    reason,
  ]);
  const table = rows.length === 0 ? [] : formatTable(['IMAGE', 'SIZE', 'LAST USED', 'WHY'], rows).split('\n');
  const more = prunedCount - pruned.length;
  const verb = dryRun ? 'would be deleted' : 'deleted';
  return [
    ...table,
    ...(more > 0 ? [`… and ${more} more`] : []),
    `${prunedCount} ${verb} (${formatBytes(bytes)}), ${kept} kept`,
  ];
}
