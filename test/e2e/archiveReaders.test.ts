import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { open, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { blobPath } from '../../src/archive/indexFiles.ts';
import { planLayout } from '../../src/archive/layout.ts';
import { sha256Of } from '../../src/image/digest.ts';
import { must, removeDirectory, run, temporaryDirectory } from '../support/process.ts';
import { requireTools } from '../support/tools.ts';
import { assemble, GZIP_LAYER, sample, sampleImage, sha512Of } from '../archive/support/samples.ts';

/** One member a line: type, mode in octal, size, owner, time, name; its digest where it is read. */
const LIST = `
import hashlib, sys, tarfile
with tarfile.open(sys.argv[1], 'r:') as archive:
    for m in archive:
        content = archive.extractfile(m).read() if m.isfile() and len(sys.argv) > 2 else b''
        print('d' if m.isdir() else 'f', '%o' % m.mode, m.size, m.uid, m.gid, int(m.mtime), m.name,
              hashlib.sha256(content).hexdigest() if len(sys.argv) > 2 and m.isfile() else '-')
`;

const HUGE = 8 * 1024 ** 3 + 513;

describe('an archive in other programs', () => {
  let directory: string;
  before(async () => (directory = await temporaryDirectory('archive')));
  after(() => removeDirectory(directory));

  const layers = [randomBytes(40_000), Buffer.alloc(0), randomBytes(512)];
  for (const [algorithm, digestOf] of [
    ['sha256', sha256Of],
    ['sha512', sha512Of],
  ] as const) {
    it(`is read by Python, layers by ${algorithm}`, { skip: requireTools('python3') }, async () => {
      const made = sample(layers, digestOf);
      const file = path.join(directory, `${algorithm}.tar`);
      await writeFile(file, assemble(made));
      const lines = (await must(['python3', '-c', LIST, file, 'content'])).trim().split('\n');
      const byName = new Map(lines.map((line) => [line.split(' ')[6], line]));
      assert.equal(lines.length, (algorithm === 'sha256' ? 2 : 3) + 3 + 2 + layers.length);
      assert.equal(byName.get('blobs/sha256'), 'd 755 0 0 0 0 blobs/sha256 -');
      const { config, manifest } = made.image;
      for (const bytes of [config.bytes, manifest.bytes, ...layers]) {
        const isLayer = layers.some((layer) => layer === bytes);
        const name = blobPath(isLayer ? digestOf(bytes) : sha256Of(bytes));
        const hex = sha256Of(bytes).slice('sha256:'.length);
        assert.equal(byName.get(name), `f 644 ${bytes.length} 0 0 0 ${name} ${hex}`);
      }
    });

    it(`is unpacked by GNU tar, layers by ${algorithm}`, { skip: requireTools('tar') }, async () => {
      const made = sample(layers, digestOf);
      const [file, target] = [path.join(directory, `${algorithm}-gnu.tar`), path.join(directory, algorithm)];
      await writeFile(file, assemble(made));
      const { stderr } = await run(['mkdir', target]);
      assert.equal(stderr, '');
      const unpacked = await run(['tar', '-xvf', file, '-C', target]);
      assert.deepEqual([unpacked.code, unpacked.stderr], [0, '']);
      for (const layer of layers)
        assert.deepEqual(await readFile(path.join(target, blobPath(digestOf(layer)))), layer);
      const manifest = path.join(target, blobPath(made.image.manifest.digest));
      assert.deepEqual(await readFile(manifest), made.image.manifest.bytes);
      // Byte for byte what it says it is: nothing after the end marker, no lone zero block.
      const compared = await run(['tar', '-df', file, '-C', target, '--no-same-owner']);
      assert.doesNotMatch(compared.stdout + compared.stderr, /Contents differ|Size differs|lone zero/);
    });
  }

  it(
    'with a layer of 8 GiB and more is listed by both',
    { skip: requireTools('python3', 'tar') },
    async () => {
      const last = { mediaType: GZIP_LAYER, digest: sha256Of('last'), size: 4 };
      const huge = { mediaType: GZIP_LAYER, digest: sha512Of('huge'), size: HUGE };
      const layout = planLayout(sampleImage([huge, last]));
      const file = path.join(directory, 'huge.tar');
      const handle = await open(file, 'w');
      await handle.write(layout.head, 0, layout.head.length, 0);
      for (const { header, start } of layout.layers) await handle.write(header, 0, header.length, start);
      await handle.truncate(layout.size); // a sparse file: the layer itself is a hole
      await handle.close();

      const gnu = (await must(['tar', '-tvf', file])).trim().split('\n');
      const python = (await must(['python3', '-c', LIST, file])).trim().split('\n');
      for (const [lines, pattern] of [
        [gnu, (size: number, name: string) => new RegExp(`^-rw-r--r-- 0/0 +${size} .* ${name}$`)],
        [python, (size: number, name: string) => new RegExp(`^f 644 ${size} 0 0 0 ${name} -$`)],
      ] as const) {
        assert.match(lines.at(-2) ?? '', pattern(HUGE, blobPath(huge.digest)));
        assert.match(lines.at(-1) ?? '', pattern(4, blobPath(last.digest)));
      }
    },
  );
});
