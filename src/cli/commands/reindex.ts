import type { OtherView } from '../../api/views.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../exitCodes.ts';

export const reindex: Command = {
  name: 'reindex',
  operands: '',
  least: 0,
  most: 0,
  summary: 'rebuild from the archives what is known of them',
  options: ['storage', 'json'],
  completes: [],
  run: async ({ options: { json = false }, output, cache: find }) => {
    const cache = await find();
    let indexed = 0;
    const others: OtherView[] = [];
    let continuation: string | undefined;
    do {
      const page = await cache.reindex(continuation);
      indexed += page.indexed;
      others.push(...page.others);
      ({ continuation } = page);
    } while (continuation !== undefined);
    if (json) output.json({ indexed, others });
    else {
      output.line(`${indexed} archives are known again`);
      for (const { blob, reason } of others) output.message(`${blob} is left alone. ${reason}`);
    }
    return EXIT.done.code;
  },
};
