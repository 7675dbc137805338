import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { openContents, openGzippedContents } from '../../src/archive/archiveContents.ts';
import { savedImages, type SavedImage } from '../../src/archive/savedImages.ts';
import { NotAnArchive } from '../../src/archive/tarEntries.ts';
import { hexOf, sha256Of } from '../../src/image/digest.ts';
import {
  dockerNew,
  dockerOld,
  ociLayout,
  podman,
  type SavedEntry,
  savedSample,
  tarOf,
} from '../support/savedArchives.ts';

const SAMPLE = await savedSample(['one', 'two', 'one']);
const TAGS = ['team/tool:1', 'team/tool:latest'];

/** What an archive holds, however it is read: by its headers, and gzipped. Both have to agree. */
async function imagesOf(tar: Uint8Array): Promise<SavedImage[]> {
  const packed = await savedImages(await openGzippedContents(Readable.from([gzipSync(tar)])));
  const plain = await savedImages((await open(tar)).contents);
  assert.deepEqual(plain, packed);
  return plain;
}

async function open(tar: Uint8Array) {
  const reads: number[] = [];
  const contents = await openContents((start, count) => {
    assert.ok(start >= 0 && start + count <= tar.length, `${start} ${count}`);
    reads.push(count);
    return Promise.resolve(tar.subarray(start, start + count));
  }, tar.length);
  return { contents, reads };
}

const textOf = (entry: SavedEntry | undefined): string => Buffer.from(entry?.[1] as Uint8Array).toString();

const refused = async (entries: readonly SavedEntry[], says: RegExp): Promise<void> => {
  const tar = await tarOf(entries);
  for (const work of [
    async () => savedImages((await open(tar)).contents),
    async () => savedImages(await openGzippedContents(Readable.from([gzipSync(tar)]))),
  ])
    await assert.rejects(
      work,
      (error) => error instanceof NotAnArchive && says.test(error.message),
      String(says),
    );
};

describe('the images of an archive', () => {
  const kinds = {
    'Docker before 25': [dockerOld(SAMPLE, TAGS), { format: 'docker', names: TAGS, manifest: undefined }],
    'Docker before 25, without a tag': [
      dockerOld(SAMPLE, null),
      { format: 'docker', names: [], manifest: undefined },
    ],
    'Docker since 25': [
      dockerNew(SAMPLE, TAGS),
      {
        format: 'docker',
        names: [...TAGS, '1', 'latest'],
        manifest: SAMPLE.digest,
        index: SAMPLE.indexDigest,
        compression: 'gzip',
      },
    ],
    'podman, and skopeo’s docker-archive': [
      podman(SAMPLE, TAGS),
      { format: 'docker', names: TAGS, manifest: undefined },
    ],
    'skopeo’s oci-archive': [
      ociLayout(SAMPLE, { 'org.opencontainers.image.ref.name': 'docker.io/team/tool:1' }),
      { format: 'oci', names: ['docker.io/team/tool:1'], manifest: SAMPLE.digest, compression: 'gzip' },
    ],
    'an OCI layout without a name': [
      ociLayout(SAMPLE, {}),
      { format: 'oci', names: [], manifest: SAMPLE.digest, compression: 'gzip' },
    ],
  } as const;
  for (const [kind, [entries, expected]] of Object.entries(kinds)) {
    it(`are found in one of ${kind}`, async () => {
      const [image, ...others] = await imagesOf(await tarOf(entries));
      assert.deepEqual(others, []);
      const { layerPaths, configPath, ...described } = image ?? assert.fail();
      assert.deepEqual(described, {
        ...{ index: undefined, compression: undefined },
        ...expected,
        names: [...expected.names],
        config: SAMPLE.imageId,
        platform: { os: 'linux', architecture: 'amd64' },
        diffIds: SAMPLE.diffIds,
      });
      assert.equal(layerPaths.length, 3);
      const paths = entries.map(([path]) => path.replace(/^\.\//, ''));
      for (const path of [configPath, ...layerPaths]) assert.ok(paths.includes(path), path);
    });

    it(`do not depend on how paths are written in one of ${kind}`, async () => {
      const dotted = entries.map(([path, what]) => [`./${path}`, what] as unknown as SavedEntry);
      assert.deepEqual(await imagesOf(await tarOf(dotted)), await imagesOf(await tarOf(entries)));
    });
  }

  it('are found with a few reads, whatever the layers weigh', async () => {
    const large = await savedSample(['x'.repeat(3_000_000), 'y'.repeat(2_000_000), 'z'.repeat(1_000_000)]);
    const tar = await tarOf(podman(large, TAGS));
    const { contents, reads } = await open(tar);
    assert.equal((await savedImages(contents)).length, 1);
    const read = reads.reduce((total, count) => total + count, 0);
    assert.ok(reads.length <= 8 && read < tar.length / 10, `${reads.length} reads, ${read} of ${tar.length}`);
  });

  it('are several where it holds several', async () => {
    const other = await savedSample(['three'], { architecture: 'arm64' });
    const [first, second] = [podman(SAMPLE, ['a/b:1']), podman(other, ['a/c:1'])];
    const lists = [first, second].map((entries) => JSON.parse(textOf(entries.at(-1))) as unknown[]);
    const tar = await tarOf([
      ...first.slice(0, -1),
      ...second.slice(0, -1),
      ['manifest.json', JSON.stringify(lists.flat())],
    ]);
    const images = await imagesOf(tar);
    assert.deepEqual(
      images.map(({ names, platform }) => [names[0], platform?.architecture]),
      [
        ['a/b:1', 'amd64'],
        ['a/c:1', 'arm64'],
      ],
    );
  });

  it('have names of more than a hundred characters, and sizes in any form', async () => {
    const entries = podman(SAMPLE, TAGS).map(([path, what]): SavedEntry => {
      const long = `${'d/'.repeat(80)}${path}`;
      if (path === 'manifest.json') {
        const text = textOf([path, what] as SavedEntry).replaceAll(
          /"([0-9a-f]{64}\.(?:tar|json))"/g,
          `"${'d/'.repeat(80)}$1"`,
        );
        return [path, text];
      }
      return [long, what] as SavedEntry;
    });
    assert.equal((await imagesOf(await tarOf(entries)))[0]?.config, SAMPLE.imageId);
  });
});

describe('what is no archive', () => {
  const whole = podman(SAMPLE, TAGS);
  const without = (path: RegExp) => whole.filter(([name]) => !path.test(name));

  it('says what is missing', async () => {
    await refused([['readme', 'hello']], /holds no image/);
    await refused([['repositories', '{}']], /older than 1\.10/);
    await refused(without(new RegExp(hexOf(SAMPLE.imageId))), /config .* is missing/);
    await refused(without(/^[0-9a-f]{64}\.tar$/), /layer .* is missing/);
    await refused([...without(/^manifest\.json$/), ['manifest.json', '[]']], /lists no image/);
    await refused([...without(/^manifest\.json$/), ['manifest.json', '[{"Layers": []}]']], /names no config/);
    await refused(
      ociLayout(SAMPLE, {}).filter(([name]) => !name.endsWith(hexOf(SAMPLE.imageId))),
      /config .* is missing/,
    );
  });

  it('says what is wrong', async () => {
    const changed = (path: RegExp, content: string): SavedEntry[] =>
      whole.map((entry) => (path.test(entry[0]) ? [entry[0], content] : entry));
    await refused(changed(/^[0-9a-f]{64}\.json$/, '{}'), /not what its name says/);
    const config = Buffer.from('{"os":"linux","architecture":"amd64","rootfs":{"diff_ids":[]}}');
    const file = `${hexOf(sha256Of(config))}.json`;
    const list = [{ Config: file, RepoTags: [], Layers: [`${hexOf(SAMPLE.diffIds[0] ?? 'sha256:')}.tar`] }];
    await refused(
      [...without(/json$/), [file, config], ['manifest.json', JSON.stringify(list)]],
      /1 layers and its config 0/,
    );
    const loop: SavedEntry[] = [
      ['a.tar', { symlink: 'b.tar' }],
      ['b.tar', { symlink: 'a.tar' }],
    ];
    await refused(
      [...loop, [file, config], ['manifest.json', JSON.stringify([{ Config: file, Layers: ['a.tar'] }])]],
      /layer a\.tar is missing/,
    );
  });

  it('is what breaks off, wherever, and what is no tar', async () => {
    const tar = await tarOf(whole);
    const no = async (bytes: Uint8Array): Promise<void> =>
      assert.rejects(async () => savedImages((await open(bytes)).contents), NotAnArchive);
    for (const length of [0, 1, 511, 512, 1024, 2000, tar.length - 1024, tar.length - 600])
      await no(tar.subarray(0, length));
    await no(Buffer.alloc(5000, 'x'));
    await no(Buffer.alloc(5000));
    const damaged = Buffer.from(tar);
    damaged[150] = 0x39;
    await no(damaged);
    const packed = gzipSync(tar);
    for (const bytes of [packed.subarray(0, packed.length - 20), gzipSync('no tar'.repeat(200))])
      await assert.rejects(
        async () => savedImages(await openGzippedContents(Readable.from([bytes]))),
        NotAnArchive,
      );
  });

  it('is not the storage’s failure', async () => {
    const failing = new Readable({
      read() {
        this.destroy(new Error('the storage is gone'));
      },
    });
    await assert.rejects(openGzippedContents(failing), /the storage is gone/);
  });
});
