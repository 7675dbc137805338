import type { WarmedView, WarmView } from '../../api/operatorViews.ts';
import type { Command } from '../command.ts';
import { EXIT, exitCodeOf, exitCodeOfAll } from '../exitCodes.ts';
import { formatBytes, formatTable } from '../format.ts';

export const warm: Command = {
  name: 'warm',
  operands: '',
  least: 0,
  most: 0,
  summary: 'cache what is to be kept ready, as the timer does',
  options: ['dry-run', 'json'],
  completes: [],
  run: async ({ options, output, service: find }) => {
    const { 'dry-run': dryRun = false, json = false } = options;
    const report = await (await find()).warm(dryRun);
    if (json) output.json(report);
    else for (const line of lines(report, dryRun)) output.line(line);
    for (const { requested, error } of report.images)
      if (error !== undefined) output.message(`${requested} is not ready. ${error.detail}`);
    for (const { wantedBy, error } of report.failures)
      output.message(`"${wantedBy}" in WARM_REPOSITORIES: ${error.detail}`);
    if (!report.complete) output.message('Not all was asked for: ask again, or leave the rest to the timer.');
    const errors = [...report.images, ...report.failures].flatMap(({ error }) => error ?? []);
    if (errors.length > 0) return exitCodeOfAll(errors.map(exitCodeOf));
    return report.complete ? EXIT.done.code : EXIT.notNow.code;
  },
};

function lines({ images, failures }: WarmView, dryRun: boolean): string[] {
  if (images.length + failures.length === 0)
    return ['Nothing is to be kept ready: WARM_IMAGES and WARM_REPOSITORIES are not set.'];
  const rows = images.map((view) => [
    view.requested,
    view.size === undefined ? '-' : formatBytes(view.size),
    stateOf(view),
    view.wantedBy,
  ]);
  const count = (state: string): number => images.filter((view) => view.state === state).length;
  const rest = dryRun ? `${count('absent')} would be cached` : `${count('pending')} on their way`;
  return [
    ...(rows.length === 0 ? [] : formatTable(['IMAGE', 'SIZE', 'STATE', 'WANTED BY'], rows).split('\n')),
    `${count('ready')} ready, ${rest}, ${count('failed')} failed`,
  ];
}

function stateOf({ state, stale }: WarmedView): string {
  return stale === true ? 'stale' : state;
}
