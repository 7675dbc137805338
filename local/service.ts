import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startHost } from 'functions-host';
import { startAzurite } from './azurite.ts';
import { funcOnPath, startFunc } from './func.ts';

export interface Service {
  readonly url: string;
  /** Settles where the host ended by itself. */
  readonly ended: Promise<unknown>;
  close(): Promise<void>;
}

export interface ServiceOptions {
  /** 0 for any free port. */
  readonly port: number;
  readonly dataFolder: string;
  /** Hears each line of the log, where the functions do not run under `func`; standard error unless given. */
  readonly log?: (line: string) => void;
}

/** Starts storage and functions; what was started is stopped again where the rest fails. */
export async function startService({
  port,
  dataFolder,
  log = console.error,
}: ServiceOptions): Promise<Service> {
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const func = funcOnPath();
    const env = { ...process.env };
    if (!hasStorage(env)) {
      const azurite = await startAzurite(
        path.resolve(dataFolder, 'azurite'),
        func === undefined ? 'blob' : 'all',
      );
      closers.push(() => azurite.close());
      env.IMAGE_STORAGE = azurite.connectionString;
      env.AzureWebJobsStorage ??= azurite.connectionString;
    }
    if (func !== undefined) {
      const host = await startFunc(func, port, env);
      closers.push(() => host.close());
      return { url: host.url, ended: host.ended, close };
    }
    const entry = fileURLToPath(new URL('../src/main.ts', import.meta.url));
    const host = await startHost({ entry, port, env, log });
    closers.push(() => host.close());
    await answering(host.url);
    return { url: host.url, ended: host.ended, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The first answer opens storage; where that fails, it says why. */
async function answering(url: string): Promise<void> {
  const answer = await fetch(`${url}/api/health`);
  if (!answer.ok) throw new Error(`The service does not answer: ${await answer.text()}`);
}

function hasStorage(env: NodeJS.ProcessEnv): boolean {
  return ['IMAGE_STORAGE', 'IMAGE_STORAGE__blobServiceUri', 'IMAGE_STORAGE__accountName'].some(
    (name) => env[name],
  );
}
