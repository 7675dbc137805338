import { setTimeout as sleep } from 'node:timers/promises';
import type { RunView } from '../../api/operatorViews.ts';
import type { ImageView } from '../../api/views.ts';
import type { Command } from '../command.ts';
import { exitCodeOfAll } from '../exitCodes.ts';
import { Outage } from '../service/outage.ts';
import { describeOutcome, exitCodeOfImage } from '../outcome.ts';
import { ProgressDisplay } from '../progress/progressDisplay.ts';
import { RunChanges } from '../progress/runChanges.ts';
import { TransferRates } from '../progress/transferRate.ts';

export const watch: Command = {
  name: 'watch',
  operands: '[IMAGE|PREFIX…]',
  least: 0,
  most: Infinity,
  summary: 'what is on its way, live, until interrupted',
  options: ['until-idle', 'json'],
  completes: 'images',
  run: async ({ names, options, env, output, signal, pollMs, service: find }) => {
    const service = await find();
    const { json = false } = options;
    const display = new ProgressDisplay(output.progress, env);
    const outage = new Outage(({ message }) => display.say(`image-cache: ${message} Still trying.`));
    const changes = new RunChanges();
    const rates = new TransferRates();
    const codes: number[] = [];
    let idle = false;

    const told = (view: ImageView): void => {
      if (json) output.jsonLine(view);
      else if (view.state !== 'pending') display.say(describeOutcome({ ...view, requested: nameOf(view) }));
      if (view.state !== 'pending') codes.push(exitCodeOfImage(view));
    };
    const look = async (): Promise<readonly RunView[] | undefined> => {
      const runs = await outage.bear(() => service.runs());
      if (runs === undefined) return undefined;
      const { changed, vanished } = changes.of(runs.filter((run) => isNamed(run, names)));
      changed.forEach(told);
      for (const run of vanished) {
        const now = await outage.bear(() => service.state(run.image, run.platform));
        if (now === undefined || now.state === 'pending') continue;
        changes.settle(run);
        told(now);
      }
      return changes.pending;
    };

    try {
      for (;;) {
        const pending = await look();
        if (pending !== undefined) {
          if (!json) {
            const time = performance.now();
            const images = pending.map((run) => {
              const label = nameOf(run);
              return {
                label,
                progress: run.progress,
                rate: rates.measure(label, run.progress?.stagedBytes, time),
              };
            });
            display.show(images, Date.now());
            if (pending.length === 0 && !idle) display.say('Nothing is on its way.');
          }
          idle = pending.length === 0;
          if (idle && options['until-idle'] === true) return exitCodeOfAll(codes);
        }
        // A list of runs costs the service more than one image's state.
        await sleep(2 * pollMs, undefined, { signal });
      }
    } finally {
      display.close();
    }
  },
};

function nameOf({ image, platform }: ImageView): string {
  return `${image} ${platform}`;
}

/** As people write it: `ubuntu` is `docker.io/library/ubuntu`. */
function isNamed({ image, requested }: ImageView, names: readonly string[]): boolean {
  const written = [image, requested, image.replace(/^docker\.io\/(library\/)?/, '')];
  return names.length === 0 || names.some((name) => written.some((text) => text.startsWith(name)));
}
