import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Containerd } from './containerd.ts';
import { startContainerd } from './containerd.ts';
import type { DockerdOptions } from './dockerd.ts';
import { outputOf, startDockerd } from './dockerd.ts';
import { sha256 } from './layers.ts';
import type { RunResult } from './process.ts';
import { removeDirectory, storeDirectory } from './process.ts';
import type { System } from './system.ts';
import { machine } from './system.ts';
import { trixie } from './trixie.ts';

/** What to ask of an archive: the name it should be known by once loaded, and a command to run in it. */
export interface Question {
  readonly runRef: string;
  readonly command: readonly string[];
}

/** What a reader made of an archive. */
export interface Reading {
  /** The config's digest. */
  readonly imageId: string;
  /** Undefined where the reader makes a manifest of its own, so that the registry's digest is lost. */
  readonly manifestDigest: string | undefined;
  /** What the command printed; undefined where the reader runs nothing. */
  readonly output: string | undefined;
}

export interface Reader {
  /** Loads the archive and runs the command; throws what the reader printed when it refuses. */
  readonly read: (archive: string, question: Question) => Promise<Reading>;
  readonly close: () => Promise<void>;
}

/** Everything that has to take our archives, by name; to be opened before use and closed afterwards. */
export const READERS = {
  'docker 20.10': async () => await dockerReader({}),
  'docker 26, classic store': async () => await dockerReader({ system: await trixie() }),
  'docker 26, containerd store': async () =>
    await dockerReader({ system: await trixie(), store: 'containerd' }),
  'podman 4.3': async () => await podmanReader(machine),
  'podman 5.4': async () => await podmanReader(await trixie()),
  'ctr 1.6': async () => await ctrReader(machine),
  'ctr 1.7': async () => await ctrReader(await trixie()),
  'skopeo 1.9 docker-archive:': () => Promise.resolve(skopeoReader(machine, 'docker-archive')),
  'skopeo 1.9 oci-archive:': () => Promise.resolve(skopeoReader(machine, 'oci-archive')),
  'skopeo 1.18 docker-archive:': async () => skopeoReader(await trixie(), 'docker-archive'),
  'skopeo 1.18 oci-archive:': async () => skopeoReader(await trixie(), 'oci-archive'),
} as const satisfies Record<string, () => Promise<Reader>>;

export type ReaderName = keyof typeof READERS;

/** Programs on PATH that the readers need, for `requireTools`. */
export const READER_TOOLS = [
  ...[
    'root',
    'dockerd',
    'docker',
    'podman',
    'containerd',
    'ctr',
    'skopeo',
    'runc',
    'debootstrap',
    'unshare',
    'flock',
  ],
] as const;

async function dockerReader(options: DockerdOptions): Promise<Reader> {
  const { docker, containerd, close } = await startDockerd(options);
  return {
    close,
    read: async (archive, { runRef, command }) => {
      // The message "Loaded image" is no proof: the containerd store prints it before it unpacks.
      succeeded(await docker(['load'], { inputFile: archive }));
      const output = await outputOf(docker, ['--network=none', runRef, ...command]);
      const id = succeeded(await docker(['image', 'inspect', '--format', '{{.Id}}', runRef])).trim();
      if (options.store !== 'containerd') return { imageId: id, manifestDigest: undefined, output };
      return { imageId: await configDigest(containerd, id), manifestDigest: id, output };
    },
  };
}

async function podmanReader(system: System): Promise<Reader> {
  const directory = await storeDirectory('podman');
  // By default all podmans of a machine share their locks in /dev/shm. crun refuses mixed cgroup versions.
  const configFile = path.join(directory, 'containers.conf');
  const settings = { lock_type: 'file', runtime: 'runc', cgroup_manager: 'cgroupfs', events_logger: 'none' };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = "${value}"`);
  await writeFile(configFile, ['[engine]', ...lines, '[containers]', 'log_driver = "k8s-file"'].join('\n'));
  const podman = [
    ...['env', `CONTAINERS_CONF=${configFile}`, 'podman', '--root', path.join(directory, 'root')],
    ...['--runroot', path.join(directory, 'run'), '--tmpdir', path.join(directory, 'tmp')],
  ];
  return {
    close: async () => await removeDirectory(directory),
    read: async (archive, { runRef, command }) => {
      succeeded(await system.run([...podman, 'load', '--input', archive], { files: [archive] }));
      const output = succeeded(
        await system.run([
          'sh',
          '-euc',
          RUN_AND_READ,
          'podman',
          ...podman,
          '--',
          '--network=none',
          runRef,
          ...command,
        ]),
      );
      const format = '{{.Id}} {{.Digest}}';
      const inspected = succeeded(
        await system.run([...podman, 'image', 'inspect', '--format', format, runRef]),
      );
      const [id = '', manifestDigest] = inspected.trim().split(' ');
      return { imageId: `sha256:${id}`, manifestDigest, output };
    },
  };
}

/**
 * What a container printed is read from its log once it has ended: a stream that is attached loses some of it on a busy
 * machine. In one shell, since what a command leaves running ends with the command (`System.run`).
 */
const RUN_AND_READ = `
  podman=
  while [ "$1" != -- ]; do podman="$podman $1"; shift; done
  shift
  id=$($podman run --detach "$@")
  code=$($podman wait "$id")
  $podman logs "$id"
  $podman rm "$id" >/dev/null
  exit "$code"`;

async function ctrReader(system: System): Promise<Reader> {
  const containerd = await startContainerd(system);
  // Written by the container's shim: a stream that is attached loses some of it on a busy machine.
  const log = path.join(path.dirname(containerd.socket), 'log');
  return {
    close: containerd.close,
    read: async (archive, { runRef, command }) => {
      succeeded(await containerd.ctr(['images', 'import', archive], { files: [archive] }));
      const name = dockerName(runRef);
      const listed = succeeded(await containerd.ctr(['images', 'list', `name==${name}`]));
      const manifestDigest = /sha256:[0-9a-f]{64}/.exec(listed)?.[0];
      if (manifestDigest === undefined) throw new Error(`ctr has no image ${name}:\n${listed}`);
      const run = ['run', '--rm', '--log-uri', `file://${log}`, name, 'reader', ...command];
      await removeDirectory(log);
      succeeded(await containerd.ctr(run));
      const output = await readFile(log, 'utf8');
      return { imageId: await configDigest(containerd, manifestDigest), manifestDigest, output };
    },
  };
}

function skopeoReader(system: System, transport: 'docker-archive' | 'oci-archive'): Reader {
  return {
    close: () => Promise.resolve(),
    read: async (archive) => {
      const inspect = async (...options: string[]) =>
        succeeded(
          await system.run(['skopeo', 'inspect', '--raw', ...options, `${transport}:${archive}`], {
            files: [archive],
          }),
        );
      const imageId = sha256(await inspect('--config'));
      // The manifest of docker-archive: is made up by skopeo.
      const kept = transport === 'oci-archive';
      return { imageId, manifestDigest: kept ? sha256(await inspect()) : undefined, output: undefined };
    },
  };
}

/** The config's digest, from the manifest in containerd's content store. */
async function configDigest(containerd: Pick<Containerd, 'ctr'>, manifestDigest: string): Promise<string> {
  const manifest = succeeded(await containerd.ctr(['content', 'get', manifestDigest]));
  return (JSON.parse(manifest) as { config: { digest: string } }).config.digest;
}

/** Docker's full name of a reference: containerd itself knows no defaults. */
function dockerName(reference: string): string {
  const [first = '', ...rest] = reference.split('/');
  if (rest.length === 0) return `docker.io/library/${reference}`;
  return /[.:]|^localhost$/.test(first) ? reference : `docker.io/${reference}`;
}

function succeeded({ code, stdout, stderr }: RunResult): string {
  if (code !== 0) throw new Error(`exit status ${code}\n${stderr}${stdout}`);
  return stdout;
}

/** Asserts that a reader found the image that the registry has, its digest included where readers keep it. */
export function assertReading(
  reading: Reading,
  image: { readonly imageId: string; readonly digest: string; readonly output: string },
): void {
  assert.equal(reading.imageId, image.imageId);
  if (reading.manifestDigest !== undefined) assert.equal(reading.manifestDigest, image.digest);
  if (reading.output !== undefined) assert.equal(reading.output, image.output);
}
