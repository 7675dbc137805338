import type { Command } from '../command.ts';
import { EXIT, exitCodeOfAll } from '../exitCodes.ts';
import { imageLines } from '../imageLines.ts';
import { followImages } from '../progress/followImages.ts';
import { describeOutcome, exitCodeOfImage } from '../outcome.ts';
import { ProgressDisplay } from '../progress/progressDisplay.ts';
import { UsageError } from '../usageError.ts';

export const add: Command = {
  name: 'add',
  operands: '[IMAGE…]',
  least: 0,
  most: Infinity,
  summary: 'cache images, and wait until they are ready',
  options: ['file', 'platform', 'no-wait', 'json'],
  completes: [],
  run: async ({ names: typed, options, env, input, output, signal, pollMs, service: find }) => {
    const { file } = options;
    const names = [...typed, ...(file === undefined ? [] : await imageLines(file, input))];
    if (names.length === 0)
      throw new UsageError('add IMAGE…: nothing is named. Name images, or a file that does: -f FILE.');
    const service = await find();
    const { platform, json = false } = options;
    const wait = options['no-wait'] !== true;
    const asked = await service.ensure([...new Set(names)], platform);
    const display = new ProgressDisplay(output.progress, env);
    let views = asked;
    try {
      if (wait) views = [...(await followImages(service, asked, platform, display, { signal, pollMs }))];
      else for (const view of asked) display.say(describeOutcome(view));
    } catch (error) {
      if (signal.aborted) {
        display.close();
        output.message('The service goes on with what is on its way; image-cache watch shows it.');
        return EXIT.interrupted.code;
      }
      throw error;
    } finally {
      display.close();
    }
    if (json) output.json(views);
    for (const view of views) {
      if (view.state === 'ready' && !json) output.line(view.runRef ?? '');
      if ('notes' in view) for (const note of view.notes) output.message(`${view.requested}: ${note}`);
    }
    return exitCodeOfAll(views.map(exitCodeOfImage));
  },
};
