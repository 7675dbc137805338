import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { UsageError } from './usageError.ts';

/**
 * Images from a file, one per line; blank lines and what follows a `#` do not count.
 * @param file its path; `-` is standard input
 * @throws {UsageError} where it cannot be read, or a line has more than one name
 */
export async function imageLines(file: string, input: NodeJS.ReadableStream): Promise<string[]> {
  const lines = (await read(file, input)).split(/\r?\n/);
  return lines.flatMap((line, at) => {
    const name = line.replace(/(^|\s)#.*$/, '').trim();
    if (/\s/.test(name))
      throw new UsageError(
        `${file}, line ${at + 1}: "${name}" is more than one name. Write one image per line.`,
      );
    return name === '' ? [] : [name];
  });
}

async function read(file: string, input: NodeJS.ReadableStream): Promise<string> {
  try {
    return file === '-' ? await text(input) : await readFile(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${file} cannot be read: ${reason}.`);
  }
}
