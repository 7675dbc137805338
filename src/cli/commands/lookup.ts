import type { Command } from '../command.ts';
import { EXIT } from '../exitCodes.ts';
import { formatDetails } from '../format.ts';

export const lookup: Command = {
  name: 'lookup',
  operands: 'IMAGE',
  least: 1,
  most: 1,
  summary: 'where an image is, and how to run it (counts as a use)',
  options: ['storage', 'platform', 'json'],
  completes: 'images',
  run: async ({ names: [name = ''], options: { platform, json = false }, output, cache }) => {
    const view = await (await cache()).lookup(name, platform);
    if (json) output.json(view);
    else for (const line of formatDetails(view)) output.line(line);
    if (view.state === 'ready') return EXIT.done.code;
    output.message(`${name} is on its way. Try again, or wait for it: image-cache add.`);
    return EXIT.notNow.code;
  },
};
