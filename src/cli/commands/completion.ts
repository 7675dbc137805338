import type { Command, Invocation } from '../command.ts';
import { imageNames } from '../completion/imageNames.ts';
import { completionScript, SHELLS } from '../completion/scripts.ts';
import { EXIT } from '../exitCodes.ts';
import { UsageError } from '../usageError.ts';

/** Whoever pressed a key waits for it. */
const DEADLINE_MS = 2000;

export const completion: Command = {
  name: 'completion',
  operands: SHELLS.join('|'),
  least: 1,
  most: 2,
  summary: 'a script that completes commands, options and images',
  options: [],
  completes: SHELLS,
  run: async (invocation) => {
    const [what = '', word = ''] = invocation.names;
    // What the scripts ask for.
    if (what === 'images') return await printImages(invocation, word);
    const shell = SHELLS.find((name) => name === what);
    if (shell === undefined)
      throw new UsageError(`"${what}" is not a shell that is known: ${SHELLS.join(', ')}.`);
    invocation.output.text(completionScript(shell, invocation.commands));
    return EXIT.done.code;
  },
};

/** Quietly nothing where there is no service to ask: a shell has no place for a message. */
async function printImages({ output, signal, service: find }: Invocation, word: string): Promise<number> {
  try {
    const service = await find({
      quiet: true,
      signal: AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]),
    });
    for (const name of await imageNames(service, word)) output.line(name);
  } catch {
    // No names, then.
  }
  return EXIT.done.code;
}
