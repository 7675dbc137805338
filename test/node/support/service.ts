import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { removeDirectory, startDaemon, temporaryDirectory } from '../../support/process.ts';
import type { Registry } from '../../support/registry.ts';

export interface TestService {
  readonly url: string;
  close(): Promise<void>;
}

/** The whole service on this machine, as `npm start` runs it, that may pull from these registries. */
export async function startTestService(
  registries: readonly Pick<Registry, 'host'>[],
  env: Readonly<Record<string, string>> = {},
): Promise<TestService> {
  const directory = await temporaryDirectory('service');
  const entry = fileURLToPath(new URL('../../../local/start.ts', import.meta.url));
  const daemon = await startDaemon([process.execPath, entry], (output) => ready(output) !== undefined, {
    env: {
      PORT: '0',
      LOCAL_DATA: path.join(directory, 'data'),
      INSECURE_REGISTRIES: registries.map(({ host }) => host).join(','),
      LASTUSED_RESOLUTION_SECONDS: '0',
      ...env,
    },
  });
  return {
    url: ready(daemon.output()) ?? '',
    close: async () => {
      await daemon.stop();
      await removeDirectory(directory);
    },
  };
}

function ready(output: string): string | undefined {
  return /^ready (\S+)$/m.exec(output)?.[1];
}

/** Has the service cache an image and waits until it is there. */
export async function cacheImage(service: TestService, image: string): Promise<void> {
  for (;;) {
    const answer = await fetch(`${service.url}/api/images`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ image }),
    });
    if (answer.status === 200) return;
    if (answer.status !== 202) throw new Error(`${image}: ${answer.status} ${await answer.text()}`);
    await answer.body?.cancel();
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
