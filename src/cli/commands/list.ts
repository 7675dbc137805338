import type { ImageView } from '../../api/views.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../exitCodes.ts';
import { formatBytes, formatTable } from '../format.ts';

export const list: Command = {
  name: 'list',
  operands: '[PREFIX]',
  least: 0,
  most: 1,
  summary: 'what is cached, by blob name',
  options: ['json'],
  completes: [],
  run: async ({ names: [prefix], options: { json = false }, output, service: find }) => {
    const service = await find();
    const images: ImageView[] = [];
    let continuation: string | undefined;
    do {
      const page = await service.list(prefix, continuation);
      images.push(...page.images);
      continuation = page.continuation;
    } while (continuation !== undefined);
    if (json) output.json(images);
    else for (const line of table(images).split('\n')) output.line(line);
    return EXIT.done.code;
  },
};

function table(images: readonly ImageView[]): string {
  const rows = images.map(({ image, platform, size, lastUsed }) => [
    image,
    platform,
    formatBytes(size ?? 0),
    lastUsed ?? '',
  ]);
  return formatTable(['IMAGE', 'PLATFORM', 'SIZE', 'LAST USED'], rows);
}
