import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { startDockerd } from './dockerd.ts';
import { must, removeDirectory, storeDirectory } from './process.ts';
import type { Registry } from './registry.ts';
import type { System } from './system.ts';
import { machine } from './system.ts';
import { trixie } from './trixie.ts';

/** What a saver is asked for: an image of a registry, under a name of one's own. */
export interface Saving {
  readonly registry: Registry;
  /** In the registry. */
  readonly reference: string;
  /** The name that the archive has to have: `host/repository:tag`. */
  readonly name: string;
  readonly file: string;
}

/** Programs that write archives, as people run them. */
export const SAVERS = {
  'docker 20.10 save': (saving) => dockerSave(saving, {}),
  'docker 26 save, classic store': async (saving) => dockerSave(saving, { system: await trixie() }),
  'docker 26 save, containerd store': async (saving) =>
    dockerSave(saving, { system: await trixie(), store: 'containerd' }),
  'podman 4.3 save': (saving) => podmanSave(saving, machine, 'docker-archive'),
  'podman 5.4 save': async (saving) => podmanSave(saving, await trixie(), 'docker-archive'),
  'podman 4.3 save --format oci-archive': (saving) => podmanSave(saving, machine, 'oci-archive'),
  'skopeo 1.9 copy docker-archive:': (saving) => skopeoCopy(saving, machine, 'docker-archive'),
  'skopeo 1.18 copy docker-archive:': async (saving) => skopeoCopy(saving, await trixie(), 'docker-archive'),
  'skopeo 1.9 copy oci-archive:': (saving) => skopeoCopy(saving, machine, 'oci-archive'),
  'skopeo 1.18 copy oci-archive:': async (saving) => skopeoCopy(saving, await trixie(), 'oci-archive'),
} satisfies Record<string, (saving: Saving) => Promise<void>>;

/** Programs on PATH that they need, for `requireTools`. */
export const SAVER_TOOLS = [
  'root',
  'docker',
  'dockerd',
  'docker-registry',
  'podman',
  'skopeo',
  'unshare',
] as const;

type Format = 'docker-archive' | 'oci-archive';

async function dockerSave(
  { registry, reference, name, file }: Saving,
  options: { readonly system?: System; readonly store?: 'containerd' },
): Promise<void> {
  const dockerd = await startDockerd({ ...options, insecureRegistries: [registry.host] });
  const docker = async (...args: string[]): Promise<void> => {
    const { code, stderr } = await dockerd.docker(args);
    if (code !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`);
  };
  try {
    await docker('pull', '--quiet', reference);
    await docker('tag', reference, name);
    await docker('save', '--output', file, name);
  } finally {
    await dockerd.close();
  }
}

async function podmanSave({ reference, name, file }: Saving, system: System, format: Format): Promise<void> {
  const directory = await storeDirectory('podman');
  const config = path.join(directory, 'containers.conf');
  // By default all podmans of a machine share their locks in /dev/shm.
  await writeFile(config, '[engine]\nlock_type = "file"\n');
  const podman = async (...args: string[]): Promise<void> => {
    const roots = ['--root', path.join(directory, 'root'), '--runroot', path.join(directory, 'run')];
    const command = ['env', `CONTAINERS_CONF=${config}`, 'podman', ...roots, '--storage-driver=vfs', ...args];
    const { code, stderr } = await system.run(command, { files: [file] });
    if (code !== 0) throw new Error(`podman ${args.join(' ')}: ${stderr}`);
  };
  try {
    await podman('pull', '--quiet', '--tls-verify=false', reference);
    await podman('tag', reference, name);
    await podman('save', '--quiet', `--format=${format}`, '--output', file, name);
  } finally {
    await removeDirectory(directory);
  }
}

async function skopeoCopy({ reference, name, file }: Saving, system: System, format: Format): Promise<void> {
  await must(
    system.wrap(
      [
        'skopeo',
        'copy',
        '--quiet',
        '--src-tls-verify=false',
        `docker://${reference}`,
        `${format}:${file}:${name}`,
      ],
      [path.dirname(file)],
    ),
  );
}
