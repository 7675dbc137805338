#!/usr/bin/env node
/** The command `functions-host`: runs one app until it is told to stop. */
import { once } from 'node:events';
import { statSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { startHost } from './host.ts';
import { FunctionError } from './worker/functionWorker.ts';

const USAGE = `Usage: functions-host --entry FILE [--port N]

Runs an Azure Functions app (Node.js, v4 model) on this machine, until SIGINT or SIGTERM.

  --entry FILE  the module whose import registers the functions
  --port N      where to listen on 127.0.0.1; 7071 unless given, 0 for any free port
  --help        print this

Prints "ready URL" when the functions can be called. The log goes to standard error.
Exit codes: 0 stopped by a signal, 1 the app did not start or ended by itself, 2 wrong usage.
`;

class UsageError extends Error {}

/** Undefined when help is asked for. */
function readOptions(args: string[]): { readonly entry: string; readonly port: number } | undefined {
  const { entry, port, help } = parse(args);
  if (help === true) return undefined;
  if (entry === undefined) throw new UsageError('--entry is missing.');
  const file = path.resolve(entry);
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true)
    throw new UsageError(`--entry: there is no file ${file}.`);
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535)
    throw new UsageError(`--port is "${port}"; it must be a port number.`);
  return { entry: file, port: Number(port) };
}

function parse(args: string[]) {
  try {
    const options = {
      entry: { type: 'string' },
      port: { type: 'string', default: '7071' },
      help: { type: 'boolean' },
    } as const;
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

async function main(args: string[]): Promise<void> {
  const options = readOptions(args);
  if (options === undefined) {
    process.stdout.write(USAGE);
    return;
  }
  // A second signal of a kind is not waited for: it ends the process as if there were no handler.
  const told = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]).then(() => undefined);
  const host = await startHost(options);
  console.log(`ready ${host.url}`);
  const failure = await Promise.race([told, host.ended]);
  await host.close();
  if (failure !== undefined) throw failure;
}

main(process.argv.slice(2)).catch((error: unknown) => {
  if (error instanceof UsageError) {
    console.error(`functions-host: ${error.message}\nSee functions-host --help.`);
    process.exitCode = 2;
    return;
  }
  console.error(`functions-host: ${error instanceof Error ? error.message : String(error)}`);
  // Where the app itself threw.
  if (error instanceof Error && error.cause instanceof FunctionError) console.error(error.cause.stack);
  process.exitCode = 1;
});
