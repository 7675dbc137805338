import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

export interface Azurite {
  readonly connectionString: string;
  /** The blob service's URL, with the account's name in its path. */
  readonly blobServiceUri: string;
  readonly pid: number;
  close(): Promise<void>;
}

/** Azurite's public account: https://learn.microsoft.com/azure/storage/common/storage-connect-azurite */
const ACCOUNT = 'devstoreaccount1';
const KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

const BLOB = ['Blob'] as const;
const ALL = ['Blob', 'Queue', 'Table'] as const;

/** The files of a certificate and its key, PEM. */
export interface Tls {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/**
 * Starts Azurite on free ports of 127.0.0.1.
 * @param folder for its data; undefined: in memory, which is quicker where there is little
 * @param services the stand-in needs blobs only; the real host's Durable Functions need queues and tables as well
 * @param tls speak https, and take tokens of Microsoft Entra: any whose claims are right
 * https://github.com/Azure/Azurite#oauth-configuration
 */
export async function startAzurite(
  folder: string | undefined,
  services: 'blob' | 'all' = 'blob',
  tls?: Tls,
): Promise<Azurite> {
  if (folder !== undefined) await mkdir(folder, { recursive: true });
  const names = services === 'all' ? ALL : BLOB;
  const child = spawn(
    process.execPath,
    [
      fileURLToPath(new URL('azuriteProcess.ts', import.meta.url)),
      ...names.flatMap((name) => [
        `--${name.toLowerCase()}Host`,
        '127.0.0.1',
        `--${name.toLowerCase()}Port`,
        '0',
      ]),
      ...(folder === undefined ? ['--inMemoryPersistence'] : ['--location', folder]),
      ...['--silent', '--disableTelemetry', '--skipApiVersionCheck'],
      ...(tls === undefined ? [] : ['--oauth', 'basic', '--cert', tls.certificateFile, '--key', tls.keyFile]),
    ],
    { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, AZURITE_SERVICES: services } },
  );
  const endpoints = await listening(child, names);
  return {
    connectionString: [
      `DefaultEndpointsProtocol=${tls === undefined ? 'http' : 'https'}`,
      `AccountName=${ACCOUNT}`,
      `AccountKey=${KEY}`,
      ...[...endpoints].map(([name, url]) => `${name}Endpoint=${url}/${ACCOUNT}`),
      '',
    ].join(';'),
    blobServiceUri: `${endpoints.get('Blob') ?? ''}/${ACCOUNT}`,
    pid: child.pid ?? 0,
    close: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, 'exit');
      child.stdin.end();
      await exit;
    },
  };
}

/** Azurite says where each service listens. What it says afterwards is read and dropped. */
async function listening(child: ChildProcess, names: readonly string[]): Promise<Map<string, string>> {
  const endpoints = new Map<string, string>();
  let said = '';
  return new Promise((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      if (endpoints.size === names.length) return;
      said += chunk.toString();
      for (const [, name = '', url = ''] of said.matchAll(
        /Azurite (\w+) service successfully listens on (\S+)/g,
      )) {
        endpoints.set(name, url);
      }
      if (endpoints.size === names.length) resolve(endpoints);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('exit', (code) =>
      reject(new Error(`Azurite did not start (exit ${code}): ${said.slice(-500)}`)),
    );
  });
}
