import { fileURLToPath } from 'node:url';
import { type Dockerd, type DockerdOptions, startDockerd } from '../test/support/dockerd.ts';
import { must, removeDirectory, temporaryDirectory } from '../test/support/process.ts';
import { type ImageSpec, pushImage } from '../test/support/push.ts';
import { type Registry, startRegistry } from '../test/support/registry.ts';
import { type SamtoolsImage, samtoolsImage } from '../test/support/samtools.ts';
import { trixie } from '../test/support/trixie.ts';
import { startTestService, type TestService } from '../test/support/service.ts';
import { spread } from './summary.ts';

const SCRIPT = fileURLToPath(new URL('../node/tes-node', import.meta.url));
const ROUNDS = Number(process.env.ROUNDS ?? '3');

/**
 * How long from "image wanted" to "container has run" on a compute node: by `docker pull` from a registry next door,
 * by the whole archive piped into `docker load`, and by `tes-node run`, cold and with the base's layers there. All in
 * one run, in turns, on the same daemon; the ratios matter, not the seconds.
 */
export async function run(): Promise<void> {
  const samtools = await samtoolsImage();
  const registry = await startRegistry({ seed: samtools.seed });
  const service = await startTestService({ INSECURE_REGISTRIES: registry.host });
  const images = {
    whole: `${registry.host}/${samtools.name}:${samtools.tag ?? ''}`,
    base: await pushBase(registry, samtools),
  };
  for (const name of Object.values(images)) await service.cache(name);
  const debian = await trixie();
  // The Docker 26 of these tests has no pigz beside it, whatever this machine has.
  const daemons: [string, DockerdOptions][] = [
    ['Docker of this machine, classic store', {}],
    ['Docker 26 without pigz, classic store', { system: debian }],
    ['Docker 26 without pigz, containerd store', { system: debian, store: 'containerd' }],
  ];
  for (const [name, options] of daemons) {
    const dockerd = await startDockerd(options);
    try {
      await measure(name, dockerd, service, images);
    } finally {
      await dockerd.close();
    }
  }
  await service.close();
  await registry.close();
}

/** The image without its last three layers: what another image of the pool would have brought. */
async function pushBase(registry: Registry, samtools: SamtoolsImage): Promise<string> {
  const manifest = JSON.parse(samtools.manifest) as { layers: { digest: string }[] };
  const layers: ImageSpec['layers'] = await Promise.all(
    manifest.layers.slice(0, -3).map(async ({ digest }, index) => {
      const answer = await registry.fetch(`/v2/${samtools.name}/blobs/${digest}`);
      const diffId = samtools.layers[index]?.diffId ?? '';
      return { blob: new Uint8Array(await answer.arrayBuffer()), diffId, compression: 'gzip' as const };
    }),
  );
  return (await pushImage(registry, { name: 'debian/base', tag: '1', layers })).reference;
}

async function measure(
  name: string,
  dockerd: Dockerd,
  service: TestService,
  images: { readonly whole: string; readonly base: string },
): Promise<void> {
  const state = await temporaryDirectory('bench');
  const env = {
    DOCKER_HOST: `unix://${dockerd.socket}`,
    TES_CACHE_URL: service.url,
    TES_NODE_STATE: state,
    TES_NODE_RUN_OPTIONS: '--network=none',
  };
  const start = 'docker run --rm --network=none';
  const shell = (script: string) => must(['sh', '-c', script, SCRIPT, images.whole, service.url], { env });
  const ways: Record<string, { readonly before?: string; readonly script: string }> = {
    'docker pull': { script: `docker pull --quiet "$1" && ${start} "$1" true` },
    'whole archive': {
      script: `url=$(curl -s "$2/api/lookup?format=env&image=$1" | sed -n "s/^URL='\\(.*\\)'/\\1/p")
        ref=$(curl -s "$url" | docker load --quiet | sed -n 's/^Loaded image: //p') && ${start} "$ref" true`,
    },
    'tes-node, cold': { script: 'sh "$0" run "$1" true' },
    'tes-node, base there': {
      before: `sh "$0" prepare "${images.base}"`,
      script: 'sh "$0" run "$1" true',
    },
  };
  const seconds = new Map<string, number[]>(Object.keys(ways).map((way) => [way, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [way, { before, script }] of Object.entries(ways)) {
      await shell(
        `rm -rf "$TES_NODE_STATE"; ids=$(docker image ls -aq | sort -u); [ -z "$ids" ] || docker rmi -f $ids`,
      );
      if (before !== undefined) await shell(before);
      const started = performance.now();
      await shell(script);
      seconds.get(way)?.push((performance.now() - started) / 1000);
    }
  }
  const pulls = spread(seconds.get('docker pull') ?? []);
  console.log(`${name}, ${ROUNDS} rounds`);
  for (const [way, taken] of seconds) {
    const { least, median } = spread(taken);
    const ratio = (figure: number, of: number): string => (figure / of).toFixed(2);
    console.log(
      `  ${way.padEnd(22)} min ${least.toFixed(1)} s, median ${median.toFixed(1)} s;` +
        ` of docker pull ${ratio(least, pulls.least)} (min), ${ratio(median, pulls.median)} (median)`,
    );
  }
  await removeDirectory(state);
}
