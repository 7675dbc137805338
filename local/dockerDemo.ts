import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A server's image would run for ever. */
const RUN_SECONDS = 10;
const SHOWN_LINES = 3;

/** Whether a Docker daemon can be used from here. */
export async function dockerAnswers(): Promise<boolean> {
  try {
    await run('docker', ['version', '--format', '{{.Server.Version}}'], { timeout: 10_000 });
    return true;
  } catch {
    return false;
  }
}

/**
 * Loads the archive and runs it for a moment, without network. @returns what there is to show
 * @param keep whether the image stays in Docker; a sample's does not
 */
export async function loadAndRun(file: string, runRef: string, keep: boolean): Promise<string> {
  const loaded = await run('docker', ['load', '-i', file]);
  const said = await runForAMoment(runRef);
  if (!keep) await run('docker', ['image', 'rm', runRef]);
  return [loaded.stdout.trim(), `docker run ${runRef}`, ...said].map((line) => `   ${line}`).join('\n');
}

async function runForAMoment(runRef: string): Promise<string[]> {
  const name = `tes-image-cache-demo-${process.pid}`;
  try {
    const { stdout } = await run('docker', ['run', '--rm', '--network=none', '--name', name, runRef], {
      timeout: RUN_SECONDS * 1000,
    });
    const lines = stdout.split('\n').filter((line) => line.trim() !== '');
    return lines.length === 0 ? ['(it ran, and said nothing)'] : lines.slice(0, SHOWN_LINES);
  } catch (error) {
    await run('docker', ['rm', '--force', name]).catch(() => undefined);
    const { killed, stderr } = error as { readonly killed?: boolean; readonly stderr?: string };
    if (killed === true) return [`(it was still running after ${RUN_SECONDS} s, and was stopped)`];
    return ['(it ended with an error)', ...(stderr ?? '').split('\n').slice(0, SHOWN_LINES)];
  }
}
