import type { Stats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { parseDotEnv } from './dotEnv.ts';
import { UsageError } from '../usageError.ts';

/** The service that an environment of the Azure Developer CLI names. */
export interface FoundService {
  readonly url: string;
  readonly environment: string;
  /** The file that names it. */
  readonly file: string;
}

/** Outputs of a deployment, the first that is there. */
const VARIABLES = ['IMAGE_CACHE_URL', 'SERVICE_URL'];
/** azd's own rule; and none that leads elsewhere. */
const ENVIRONMENT_NAME = /^(?!\.{1,2}$)[\w().-]{1,64}$/;
/** No environment is as large; what is can be anything. */
const MAX_FILE_BYTES = 256 * 1024;

/**
 * Looks for `.azure/config.json` from `directory` upwards, and for the service in its default environment, or in the one
 * that AZURE_ENV_NAME names.
 * @returns undefined where there is no `.azure`, no environment is chosen, or the default one names no service
 * @throws {UsageError} naming the file that cannot be used, and why; or AZURE_ENV_NAME, where that one names no service
 */
export async function findAzdService(
  directory: string,
  env: NodeJS.ProcessEnv,
): Promise<FoundService | undefined> {
  for (let folder = path.resolve(directory); ; folder = path.dirname(folder)) {
    const configFile = path.join(folder, '.azure', 'config.json');
    const config = await readOwn(configFile);
    if (config !== undefined) {
      const named = env.AZURE_ENV_NAME ?? '';
      const chosen = named === '' ? defaultEnvironment(configFile, config) : named;
      if (chosen === undefined || chosen === '') return undefined;
      const found = await serviceOf(path.join(folder, '.azure'), chosen, configFile);
      if (found === undefined && named !== '')
        throw new UsageError(
          `AZURE_ENV_NAME is ${named}, and there is no environment of that name in ${path.dirname(configFile)} that names a service. Mend it, or say --service URL.`,
        );
      return found;
    }
    if (path.dirname(folder) === folder) return undefined;
  }
}

async function serviceOf(
  folder: string,
  environment: string,
  configFile: string,
): Promise<FoundService | undefined> {
  if (!ENVIRONMENT_NAME.test(environment))
    throw new UsageError(
      `"${environment.slice(0, 80)}", of AZURE_ENV_NAME or ${configFile}, is not the name of an environment.`,
    );
  const file = path.join(folder, environment, '.env');
  const text = await readOwn(file);
  if (text === undefined) return undefined;
  let variables: ReadonlyMap<string, string>;
  try {
    variables = parseDotEnv(text);
  } catch (error) {
    throw unusable(file, (error as Error).message);
  }
  const name = VARIABLES.find((variable) => (variables.get(variable) ?? '') !== '');
  if (name === undefined) return undefined;
  const url = variables.get(name) ?? '';
  // Over plain http anybody between could answer; on this machine there is nobody between.
  if (!URL.canParse(url) || !isSafe(new URL(url)))
    throw unusable(file, `${name} is not the https URL of a service`);
  return { url, environment, file };
}

function isSafe({ protocol, hostname, username, password, search, hash }: URL): boolean {
  const local = protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(hostname);
  return (protocol === 'https:' || local) && [username, password, search, hash].every((part) => part === '');
}

function defaultEnvironment(file: string, text: string): string | undefined {
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch {
    throw unusable(file, 'it is not JSON');
  }
  const name: unknown =
    typeof config === 'object' && config !== null && 'defaultEnvironment' in config
      ? config.defaultEnvironment
      : undefined;
  if (name !== undefined && typeof name !== 'string')
    throw unusable(file, 'defaultEnvironment is not a string');
  return name;
}

/** A file that is this user's own: what others put in a folder above must not choose the service. */
async function readOwn(file: string): Promise<string | undefined> {
  let found: Stats;
  try {
    found = await stat(file);
    if (!found.isFile()) throw unusable(file, 'it is not a file');
    const user = process.getuid?.();
    if (user !== undefined && found.uid !== user) throw unusable(file, 'it belongs to another user');
    if (found.size > MAX_FILE_BYTES) throw unusable(file, `it is larger than ${MAX_FILE_BYTES} bytes`);
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code === undefined) throw error;
    throw unusable(file, code);
  }
}

function unusable(file: string, why: string): UsageError {
  return new UsageError(`${file} cannot say where the service is: ${why}. Say --service URL.`);
}
