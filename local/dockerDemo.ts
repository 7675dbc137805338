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

/** What it printed is read from its log: an attached stream loses some of it on a busy machine. */
async function runForAMoment(runRef: string): Promise<string[]> {
  const name = `tes-image-cache-demo-${process.pid}`;
  try {
    await run('docker', ['run', '--detach', '--network=none', '--name', name, runRef]);
    const { stdout: code } = await run('docker', ['wait', name], { timeout: RUN_SECONDS * 1000 });
    const { stdout, stderr } = await run('docker', ['logs', name]);
    if (code.trim() !== '0') return ['(it ended with an error)', ...shown(stderr)];
    return stdout.trim() === '' ? ['(it ran, and said nothing)'] : shown(stdout);
  } catch (error) {
    const { killed, stderr } = error as { readonly killed?: boolean; readonly stderr?: string };
    if (killed === true) return [`(it was still running after ${RUN_SECONDS} s, and was stopped)`];
    return ['(it could not be run)', ...shown(stderr ?? '')];
  } finally {
    await run('docker', ['rm', '--force', name]).catch(() => undefined);
  }
}

function shown(text: string): string[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.slice(0, SHOWN_LINES);
}
