import { main } from './commandLine.ts';
import { Output } from './output.ts';

// The first asks for an orderly end, in which the terminal is left as it was; the next one ends at once.
const interrupt = new AbortController();
let signalled: NodeJS.Signals | undefined;
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    signalled = signal;
    interrupt.abort();
  });

// Who reads has seen enough: as of every program that SIGPIPE ends.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(141);
  });

const code = await main(process.argv.slice(2), {
  env: process.env,
  directory: process.cwd(),
  output: new Output(process.stdout, process.stderr),
  signal: interrupt.signal,
});
process.exitCode = signalled === 'SIGTERM' && code === 130 ? 143 : code;
