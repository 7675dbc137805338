import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { eventually } from '../../support/eventually.ts';

const HOST = fileURLToPath(new URL('../../../packages/functions-host/src/cli.ts', import.meta.url));

export interface HostProcess {
  readonly url: string;
  /** What it printed so far. */
  readonly output: () => string;
  /** The exit code, after the app's own end. */
  stop(): Promise<number | null>;
}

/** The app in a process of its own, which Node's own environment variables reach. */
export async function startHostProcess(
  entry: string,
  env: Readonly<Record<string, string>>,
): Promise<HostProcess> {
  const child = spawn(process.execPath, [HOST, '--entry', entry, '--port', '0'], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const closed = once(child, 'close') as Promise<[number | null]>;
  const url = await eventually('the host is ready', () => {
    if (child.exitCode !== null) throw new Error(`The host ended with ${child.exitCode}:\n${output}`);
    return /^ready (\S+)$/m.exec(output)?.[1];
  });
  return {
    url,
    output: () => output,
    stop: async () => {
      child.kill('SIGTERM');
      const [code] = await closed;
      return code;
    },
  };
}
