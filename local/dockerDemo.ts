import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

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
 * Loads the archive and, where that is harmless, runs it. @returns what there is to show
 * @param isSample only an image that the demo made itself is run and removed again
 */
export async function loadAndRun(file: string, runRef: string, isSample: boolean): Promise<string> {
  const loaded = await run('docker', ['load', '-i', file]);
  const lines = [`   ${loaded.stdout.trim()}`];
  if (isSample) {
    const { stdout } = await run('docker', ['run', '--rm', '--network=none', runRef]);
    lines.push(`   docker run: ${stdout.trim()}`);
    await run('docker', ['image', 'rm', runRef]);
  } else lines.push(`   docker run ${runRef}`);
  return lines.join('\n');
}
