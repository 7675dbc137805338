import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { GREETING, pushSmall } from '../support/images.ts';
import { must, removeDirectory, temporaryDirectory } from '../support/process.ts';
import type { Descriptor, PushedImage } from '../support/push.ts';
import type { ReaderName, Reading } from '../support/readers.ts';
import { READERS, READER_TOOLS, assertReading } from '../support/readers.ts';
import { startRegistry } from '../support/registry.ts';
import { requireTools } from '../support/tools.ts';

const skip = requireTools('docker-registry', 'busybox', ...READER_TOOLS);
const RUN_REF = 'team/small:1';

/** Other tools' archives are the touchstone here: where a reader fails on them, the rig is wrong. */
describe('the test rig', { skip }, () => {
  let directory: string;
  let image: PushedImage;

  before(async () => {
    directory = await temporaryDirectory('rig');
    const registry = await startRegistry();
    try {
      image = await pushSmall(registry);
      await registry.forgetRequests();
      await skopeoCopy(image.reference, `docker-archive:${directory}/docker.tar:${RUN_REF}`);
      await skopeoCopy(image.reference, `oci:${directory}/layout:1`);

      const requests = await registry.requests();
      const manifests = requests.filter((request) => request.path === '/v2/team/small/manifests/1');
      assert.equal(manifests.length, 2);
      for (const { digest, size } of image.layers) {
        const pulls = requests.filter((request) => request.path === `/v2/team/small/blobs/${digest}`);
        const expected = { method: 'GET', status: 200, bytes: size };
        assert.deepEqual(
          pulls.map(({ method, status, bytes }) => ({ method, status, bytes })),
          [expected, expected],
        );
      }
    } finally {
      await registry.close();
    }
    await tarBoth(`${directory}/layout`, `${directory}/both.tar`, image);
  });
  after(async () => await removeDirectory(directory));

  for (const name of Object.keys(READERS) as ReaderName[]) {
    const read = async (archive: string): Promise<Reading> => {
      const reader = await READERS[name]();
      try {
        const command = ['/bin/sh', '-c', 'echo "$GREETING"'];
        return await reader.read(path.join(directory, archive), { runRef: RUN_REF, command });
      } finally {
        await reader.close();
      }
    };
    it(`reads docker-archive and OCI layout in one with ${name}`, async () => {
      assertReading(await read('both.tar'), { ...image, output: `${GREETING}\n` });
    });
    if (name.endsWith('oci-archive:')) continue;
    it(`reads a docker-archive with ${name}`, async () => {
      const { imageId, output } = await read('docker.tar');
      assertReading({ imageId, output, manifestDigest: undefined }, { ...image, output: `${GREETING}\n` });
    });
  }
});

async function skopeoCopy(reference: string, target: string): Promise<void> {
  await must(['skopeo', 'copy', '--src-tls-verify=false', `docker://${reference}`, target]);
}

/** Makes an OCI layout loadable by Docker as well, under RUN_REF, and packs it with GNU tar. */
async function tarBoth(layout: string, archive: string, image: PushedImage): Promise<void> {
  const index = JSON.parse(await readFile(`${layout}/index.json`, 'utf8')) as { manifests: Descriptor[] };
  const annotations = { 'io.containerd.image.name': `docker.io/${RUN_REF}` };
  const manifests = index.manifests.map((descriptor) => ({ ...descriptor, annotations }));
  await writeFile(`${layout}/index.json`, JSON.stringify({ ...index, manifests }));

  const blob = (digest: string): string => `blobs/${digest.replace(':', '/')}`;
  const Layers = image.layers.map(({ digest }) => blob(digest));
  const manifest = [{ Config: blob(image.imageId), RepoTags: [RUN_REF], Layers }];
  await writeFile(`${layout}/manifest.json`, JSON.stringify(manifest));
  await must(['tar', '-C', layout, '-cf', archive, 'manifest.json', 'oci-layout', 'index.json', 'blobs']);
}
