import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { extract } from 'tar-stream';
import { blobPath } from '../../src/archive/indexFiles.ts';
import { planLayout } from '../../src/archive/layout.ts';
import { type Digest, hexOf, sha256Of } from '../../src/image/digest.ts';
import { assemble, sample, type Sample, sha512Of } from './support/samples.ts';

interface Entry {
  readonly name: string;
  readonly type: string;
  readonly mode: number;
  readonly content: Buffer;
}

const EMPTY_LAYERS = [Buffer.alloc(0), Buffer.alloc(1024), gzipSync(Buffer.alloc(1024))];
const layers = [randomBytes(70_000), gzipSync(randomBytes(10)), randomBytes(512)];

/** Images of every shape, by what is special about them. */
const SHAPES: Readonly<Record<string, Sample>> = {
  'three layers': sample(layers),
  'no layers': sample([]),
  'empty layers': sample(EMPTY_LAYERS),
  'a layer that occurs three times': sample([...layers, ...layers.slice(0, 1), ...layers.slice(0, 1)]),
  'layers named by sha512': sample(layers, sha512Of),
};

describe('a whole archive', () => {
  for (const [shape, made] of Object.entries(SHAPES)) {
    it(`of an image with ${shape} reads back byte for byte`, async () => {
      const archive = assemble(made);
      const entries = await read(archive);
      const { image, contents } = made;
      const unique = [...new Set(image.layers.map(({ digest }) => digest))];
      const algorithms = unique.some((digest) => digest.startsWith('sha512:'))
        ? ['sha256', 'sha512']
        : ['sha256'];
      assert.deepEqual(
        entries.map(({ name, type, mode }) => `${type} ${mode.toString(8)} ${name}`),
        [
          'file 644 manifest.json',
          'file 644 oci-layout',
          'file 644 index.json',
          'directory 755 blobs/',
          ...algorithms.map((algorithm) => `directory 755 blobs/${algorithm}/`),
          `file 644 ${blobPath(image.config.digest)}`,
          `file 644 ${blobPath(image.manifest.digest)}`,
          ...unique.map((digest) => `file 644 ${blobPath(digest)}`),
        ],
      );
      const content = new Map(entries.map((entry) => [entry.name, entry.content]));
      assert.deepEqual(content.get(blobPath(image.manifest.digest)), image.manifest.bytes);
      assert.deepEqual(content.get(blobPath(image.config.digest)), image.config.bytes);
      for (const digest of unique) assert.deepEqual(content.get(blobPath(digest)), contents.get(digest));
      assert.equal(archive.length % 512, 0);
    });
  }

  it('has a manifest.json with one item and one tag, duplicates listed again', async () => {
    const made = SHAPES['a layer that occurs three times'] ?? sample([]);
    const entries = await read(assemble(made));
    const manifest: unknown = JSON.parse(entries[0]?.content.toString() ?? '');
    assert.deepEqual(manifest, [
      {
        Config: blobPath(made.image.config.digest),
        RepoTags: [`sample:sha256-${hexOf(made.image.manifest.digest)}`],
        Layers: made.image.layers.map(({ digest }) => blobPath(digest)),
      },
    ]);
    assert.equal((manifest as { Layers: string[] }[])[0]?.Layers.length, 5);
  });

  it('has an index.json with one descriptor that names the image for containerd and for podman', async () => {
    const { image, layout } = SHAPES['three layers'] ?? sample([]);
    const entries = await read(Buffer.from(layout.head));
    const tag = `sha256-${hexOf(image.manifest.digest)}`;
    assert.deepEqual(JSON.parse(entries[2]?.content.toString() ?? ''), {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [
        {
          mediaType: 'application/vnd.oci.image.manifest.v1+json',
          digest: image.manifest.digest,
          size: image.manifest.bytes.length,
          platform: { architecture: 'amd64', os: 'linux' },
          annotations: {
            'io.containerd.image.name': `docker.io/library/sample:${tag}`,
            'org.opencontainers.image.ref.name': tag,
          },
        },
      ],
    });
    assert.equal(entries[1]?.content.toString(), '{"imageLayoutVersion":"1.0.0"}');
  });

  it('names the platform with its variant, and another registry with its host', async () => {
    const { image } = sample(layers);
    const { head } = planLayout({
      ...image,
      name: { registry: 'ghcr.io', repository: 'owner/name' },
      platform: { os: 'linux', architecture: 'arm', variant: 'v7' },
    });
    const [dockerManifest, , index] = await read(Buffer.from(head));
    const tag = `sha256-${hexOf(image.manifest.digest)}`;
    assert.match(dockerManifest?.content.toString() ?? '', new RegExp(`"ghcr.io/owner/name:${tag}"`));
    const text = index?.content.toString() ?? '';
    assert.match(text, /"platform":\{"architecture":"arm","os":"linux","variant":"v7"\}/);
    assert.match(text, new RegExp(`"io.containerd.image.name":"ghcr.io/owner/name:${tag}"`));
  });

  it('carries a tag that Docker takes, also for a manifest named by sha512', () => {
    const { image } = sample(layers);
    const digest: Digest = sha512Of(image.manifest.bytes);
    const { head } = planLayout({ ...image, manifest: { ...image.manifest, digest } });
    const tag = /"RepoTags":\["sample:([^"]+)"\]/.exec(Buffer.from(head).toString('latin1'))?.[1] ?? '';
    assert.match(tag, /^sha512-[0-9a-f]+$/);
    assert.ok(tag.length <= 128, `${tag.length} characters`);
  });

  it('is the same bytes every time, whatever tag it was asked for by', () => {
    const { image } = sample(layers);
    const again = { ...image, name: { ...image.name, tag: 'other', digest: sha256Of('') } };
    assert.deepEqual(planLayout(again), planLayout(image));
    // Grows with LAYOUT_VERSION: archives of one digest must not differ between versions unnoticed.
    const fixed = sample([Buffer.from('one'), Buffer.from('two')]);
    assert.equal(
      sha256Of(assemble(fixed)),
      'sha256:2afa2cede40fa6e6577fb9cdc2896e101dc96fb13391ae2d507b5cce5f7a092f',
    );
  });

  it('does not store a layer again that is the config or the manifest itself', async () => {
    const { image } = sample([]);
    const layout = planLayout({
      ...image,
      layers: [{ mediaType: 'x', digest: image.config.digest, size: image.config.bytes.length }],
    });
    assert.equal(layout.layers.length, 0);
    const names = (await read(Buffer.from(layout.head))).map(({ name }) => name);
    assert.equal(names.filter((name) => name === blobPath(image.config.digest)).length, 1);
  });
});

async function read(archive: Buffer): Promise<Entry[]> {
  const entries: Entry[] = [];
  const reader = extract();
  reader.end(archive);
  for await (const entry of reader) {
    const { name, type, mode } = entry.header;
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    entries.push({ name, type, mode, content: Buffer.concat(chunks) });
  }
  return entries;
}
