import { parseArgs } from 'node:util';
import { VERSION } from '../version.ts';
import type { Command, ServiceAccess } from './command.ts';
import { COMMANDS } from './commands.ts';
import { POLL_MS } from './progress/followImages.ts';
import { EXIT, exitCodeOf } from './exitCodes.ts';
import { KEY, readCredentials, TOKEN } from './service/credentials.ts';
import { findService } from './service/findService.ts';
import { type ImageCache, ImageCacheService, isTold } from './service/imageCacheService.ts';
import { OPTIONS, optionsOf, type OptionValues } from './options.ts';
import type { Output } from './output.ts';
import { usage } from './usage.ts';
import { UsageError } from './usageError.ts';

/** Where a command runs. */
export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  /** Where azd's environment is looked for, from here upwards. */
  readonly directory: string;
  readonly output: Output;
  /** Default: this process's. */
  readonly input?: NodeJS.ReadableStream;
  /** Aborted where the user interrupts. */
  readonly signal: AbortSignal;
  /** Between two looks at an image, in milliseconds. */
  readonly pollMs?: number;
}

/** Runs one command. @returns the exit code */
export async function main(
  args: readonly string[],
  { env, directory, output, input = process.stdin, signal, pollMs = POLL_MS }: Surroundings,
): Promise<number> {
  try {
    const { options, names, command } = parse(args);
    if (options.help === true) return say(output, usage(COMMANDS));
    if (options.version === true) return say(output, `${VERSION}\n`);
    const service = async ({
      quiet = false,
      signal: other,
    }: ServiceAccess = {}): Promise<ImageCacheService> => {
      const found = await findService(options.service, env, directory);
      if (quiet && found.isGuess === true) throw new UsageError('Nobody named this service.');
      if (found.notice !== undefined && !quiet) output.message(found.notice);
      const credentials = readCredentials(env);
      const isSent = found.isUnnamed !== true;
      if (!isSent && !quiet && credentials.size > 0)
        output.message(
          `No service is named: ${found.url} is asked, without ${[...credentials.keys()].join(' and ')}.`,
        );
      return new ImageCacheService({
        url: found.url,
        ...(isSent && { key: credentials.get(KEY), token: credentials.get(TOKEN) }),
        signal: other ?? signal,
      });
    };
    return await chosen(command, names, options).run({
      ...{ names, options, env, input, output, signal, pollMs, commands: COMMANDS, service },
      cache: () => (options.storage === true ? openStorageCache(env) : service()),
    });
  } catch (error) {
    if (signal.aborted) return EXIT.interrupted.code;
    if (error instanceof UsageError) {
      output.message(error.message);
      return EXIT.usage.code;
    }
    if (error instanceof Error && error.name === 'SettingError') {
      output.message(`${error.message} With --storage, the settings are those of the app.`);
      return EXIT.usage.code;
    }
    if (!isTold(error)) throw error;
    output.message(error.message);
    return exitCodeOf(error);
  }
}

/** All of the app that works on storage is in it, so it is loaded only where it is asked for. */
async function openStorageCache(env: NodeJS.ProcessEnv): Promise<ImageCache> {
  const { StorageCache } = await import('../direct/storageCache.ts');
  return StorageCache.open(env);
}

interface Parsed {
  readonly options: OptionValues;
  readonly command: string | undefined;
  readonly names: readonly string[];
}

function parse(args: readonly string[]): Parsed {
  try {
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS });
    const [command, ...names] = positionals;
    return { options: values, command, names };
  } catch (error) {
    throw misused(error instanceof Error ? error.message : String(error));
  }
}

/** @throws {UsageError} where there is no such command, or it does not take what it was given */
function chosen(name: string | undefined, names: readonly string[], options: OptionValues): Command {
  if (name === undefined) throw misused('No command is given.');
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command === undefined) throw misused(`"${name}" is not a command.`);
  const taken = optionsOf(command.options).map((option) => option.name);
  for (const option of Object.keys(options) as (keyof OptionValues)[])
    if (!taken.includes(option)) throw misused(`${name} takes no --${option}.`);
  if (names.length < command.least) throw misused(`${name} ${command.operands}: nothing is named.`);
  if (names.length > command.most) throw misused(`${name} ${command.operands}: too much is named.`);
  return command;
}

function misused(why: string): UsageError {
  return new UsageError(`${why} See image-cache --help.`);
}

function say(output: Output, text: string): number {
  output.text(text);
  return EXIT.done.code;
}
