import type { Command } from '../command.ts';
import { EXIT } from '../exitCodes.ts';
import { formatDetails } from '../format.ts';
import { describeOutcome, exitCodeOfImage } from '../outcome.ts';

export const show: Command = {
  name: 'show',
  operands: 'IMAGE',
  least: 1,
  most: 1,
  summary: 'all that is known of an image (counts as no use)',
  options: ['storage', 'platform', 'json'],
  completes: 'images',
  run: async ({ names: [name = ''], options: { platform, json = false }, output, cache }) => {
    const view = await (await cache()).state(name, platform);
    if (json) output.json(view);
    else for (const line of formatDetails(view)) output.line(line);
    if (view.state === 'absent') {
      output.message(`${name} is not cached. Have it cached: image-cache add.`);
      return EXIT.notCached.code;
    }
    if (view.state === 'failed') output.message(describeOutcome(view));
    return view.state === 'pending' ? EXIT.notNow.code : exitCodeOfImage(view);
  },
};
