import type { ImageView } from '../../api/views.ts';
import type { Command } from '../command.ts';
import { exitCodeOf, exitCodeOfAll } from '../exitCodes.ts';
import { isTold } from '../service/imageCacheService.ts';

export const remove: Command = {
  name: 'remove',
  operands: 'IMAGE…',
  least: 1,
  most: Infinity,
  summary: 'delete images from the cache',
  options: ['storage', 'platform', 'json'],
  completes: 'images',
  run: async ({ names, options: { platform, json = false }, output, cache: find }) => {
    const cache = await find();
    const removed: ImageView[] = [];
    const codes: number[] = [];
    for (const name of names) {
      try {
        removed.push(await cache.remove(name, platform));
        if (!json) output.line(`removed ${name}`);
      } catch (error) {
        if (!isTold(error)) throw error;
        codes.push(exitCodeOf(error));
        output.message(error.message);
      }
    }
    if (json) output.json(removed);
    return exitCodeOfAll(codes);
  },
};
