import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { hexOf } from '../../src/image/digest.ts';
import { type RunningApp, startApp } from '../functions/support/app.ts';
import { setLastUsed } from '../runs/support/rig.ts';
import { removeDirectory, temporaryDirectory } from '../support/process.ts';
import { dockerOld, ociLayout, podman, savedSample, tarOf } from '../support/savedArchives.ts';
import { imageCache as runCommand, type RunAt } from './support/commands.ts';

let app: RunningApp;
let folder: string;
before(async () => {
  app = await startApp(1, { env: () => ({ LASTUSED_RESOLUTION_SECONDS: '60', PRUNE_KEEP: 'by/hand' }) });
  folder = await temporaryDirectory('operator');
});
after(async () => {
  await app.close();
  await removeDirectory(folder);
});

const imageCache = (args: readonly string[], at: RunAt = {}) =>
  runCommand(args, { env: { IMAGE_CACHE_URL: app.url }, ...at });

const image = (tag: string): string => `${app.registries[0]?.host ?? assert.fail()}/${tag}`;

const push = (tag: string, bytes = 5000): string => {
  app.registries[0]?.push(tag, { layers: [randomBytes(bytes)] });
  return image(tag);
};

/** Blob names of what is cached of a repository. */
async function blobs(repository: string): Promise<string[]> {
  const prefix = `${image('').replace(':', '_')}${repository}/`;
  const names: string[] = [];
  for await (const { name } of app.storage.images.listBlobsFlat({ prefix })) names.push(name);
  return names;
}

describe('an operator', () => {
  it('adds many images from a file and from standard input, each once', async () => {
    const names = Array.from({ length: 5 }, (_, at) => push(`many/image${at}:1`));
    const file = path.join(folder, 'images.txt');
    await writeFile(file, `# what our workflows need\n\n${names.join('  # why\r\n')}\n${names[0]}\n`);
    const fromFile = await imageCache(['add', '-f', file]);
    assert.equal(fromFile.code, 0, fromFile.stderr);
    assert.equal(fromFile.stdout.trim().split('\n').length, 5);
    const input = Readable.from([Buffer.from(names.join('\n'))]);
    const fromInput = await imageCache(['add', '--file', '-', push('many/typed:1')], { input });
    assert.equal(fromInput.code, 0, fromInput.stderr);
    assert.equal(fromInput.stdout.trim().split('\n').length, 6);
    await writeFile(file, `${names[0]}\ntwo names\n`);
    const wrong = await imageCache(['add', '-f', file]);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /images\.txt, line 2: "two names" is more than one name/);
    assert.match((await imageCache(['add', '-f', '/none'])).stderr, /\/none cannot be read/);
    await writeFile(file, '# nothing\n');
    assert.equal((await imageCache(['add', '-f', file])).code, 2);
  });

  it('lists by size, name and use, with ages and a sum, and only what is asked for', async () => {
    const [small, large] = [push('list/small:1', 1000), push('list/large:1', 90_000)];
    await imageCache(['add', small, large]);
    for (const blob of await blobs('list/small'))
      await setLastUsed({ storage: app.storage }, blob, '2026-01-01T00:00:00Z');
    const rows = async (...args: string[]): Promise<string[]> => {
      const { code, stdout, stderr } = await imageCache(['list', ...args]);
      assert.equal(code, 0, stderr);
      return stdout
        .split('\n')
        .slice(1, -1)
        .map((row) => /list\/(\w+)/.exec(row)?.[1] ?? row);
    };
    assert.deepEqual(await rows('--filter', 'list/', '--sort', 'size'), ['large', 'small']);
    assert.deepEqual(await rows('--filter', '*/list/*', '--sort', 'name'), ['large', 'small']);
    assert.deepEqual(await rows('--filter', '*/list/*', '--sort', 'used'), ['large', 'small']);
    assert.deepEqual(await rows('--filter', '*/list/*', '--sort', 'prune'), ['small', 'large']);
    assert.deepEqual(await rows('--filter', '*/list/sm*:1'), ['small']);
    const { stdout, stderr } = await imageCache(['list', '--filter', 'list/small'], {
      terminal: { columns: 100 },
    });
    assert.match(stdout, /CREATED +LAST USED +PRUNED\n.* (now|\d+ s ago) +\d+ d.* ago +next\n/);
    assert.match(stderr, /1 image, \d/);
    const wrong = await imageCache(['list', '--sort', 'colour']);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /--sort colour: it is one of name, size, created, used, prune/);
  });

  it('sees what prune would do, and has it done', async () => {
    const old = push('prune/old:1');
    await imageCache(['add', old]);
    for (const blob of await blobs('prune/old'))
      await setLastUsed({ storage: app.storage }, blob, '2026-01-01T00:00:00Z');
    const plan = await imageCache(['prune', '--dry-run']);
    assert.equal(plan.code, 0, plan.stderr);
    assert.match(plan.stdout, /prune\/old.*Not used since 2026-01-01/);
    assert.match(plan.stdout, /\d+ would be deleted \(.*\), \d+ kept\n$/);
    assert.equal((await blobs('prune/old')).length, 1);
    const done = await imageCache(['prune']);
    assert.equal(done.code, 0, done.stderr);
    assert.match(done.stdout, /\d+ deleted/);
    assert.equal((await blobs('prune/old')).length, 0);
    const { prunedCount } = JSON.parse((await imageCache(['prune', '--json'])).stdout) as {
      prunedCount: number;
    };
    assert.equal(prunedCount, 0);
  });

  it('shows all that is known of an image, and what is not there', async () => {
    const shown = push('show/it:1');
    await imageCache(['add', shown]);
    const { code, stdout } = await imageCache(['show', shown]);
    assert.equal(code, 0);
    for (const member of ['manifestDigest', 'imageId', 'blob', 'size', 'lastUsed', 'createdAt', 'runRef'])
      assert.match(stdout, new RegExp(`^${member} +\\S`, 'm'));
    const absent = await imageCache(['show', image('show/none:1')]);
    assert.equal(absent.code, 4);
    assert.match(absent.stderr, /is not cached/);
  });

  it('sees figures', async () => {
    const { code, stdout } = await imageCache(['stats']);
    assert.equal(code, 0);
    assert.match(stdout, /^\d+ images of \d+ repositories, .*iB\noldest: cached .* ago\n/);
    assert.match(stdout, /lookups of 30 days: \d+ hits, \d+ stale/);
    const figures = JSON.parse((await imageCache(['stats', '--json'])).stdout) as {
      images: number;
      bytes: number;
    };
    assert.ok(figures.images > 0 && figures.bytes > 0);
  });

  it('rebuilds the index that was lost', async () => {
    const lost = push('reindex/it:1');
    await imageCache(['add', lost]);
    const { index } = app.storage;
    const names = async (): Promise<string[]> => {
      const found: string[] = [];
      for await (const { name } of index.listBlobsFlat())
        if (!name.startsWith('statistics/')) found.push(name);
      return found;
    };
    const before = (await names()).filter((name) => name.includes('reindex/it') || name.startsWith('refs/'));
    for (const name of await names()) await index.deleteBlob(name);
    const { code, stdout, stderr } = await imageCache(['reindex']);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^\d+ archives are known again\n/);
    const after = new Set(await names());
    assert.deepEqual(
      before.filter((name) => !after.has(name) && name.includes('reindex/it')),
      [],
    );
    assert.equal((await imageCache(['lookup', lost])).code, 0);
  });
});

describe('verify', () => {
  it('proves archives of every form, without a use of them, and finds a single wrong byte', async () => {
    const ours = push('verify/ours:1', 60_000);
    await imageCache(['add', ours]);
    const sample = await savedSample(['one', 'two', 'one']);
    const uploads = {
      'by/docker': await tarOf(dockerOld(sample, ['by/docker:1'])),
      'by/podman': await tarOf(podman(sample, ['by/podman:1'])),
      'by/skopeo': await tarOf(ociLayout(sample, { 'org.opencontainers.image.ref.name': '1' })),
    };
    for (const [repository, tar] of Object.entries(uploads)) {
      const blob = `${repository}/${hexOf(sample.imageId)}.tar`;
      await app.storage.images.getBlockBlobClient(blob).upload(tar, tar.length);
    }
    const packed = gzipSync(uploads['by/docker']);
    await app.storage.images
      .getBlockBlobClient(`by/gzip/${hexOf(sample.imageId)}.tar`)
      .upload(packed, packed.length);
    await imageCache(['show', `by/gzip@${sample.imageId}`]);
    const [blob = ''] = await blobs('verify/ours');
    const client = app.storage.images.getBlockBlobClient(blob);
    await setLastUsed({ storage: app.storage }, blob, '2026-05-05T05:05:05Z');

    const names = [ours, ...Object.keys(uploads).map((repository) => `${repository}@${sample.imageId}`)];
    const right = await imageCache(['verify', ...names]);
    assert.equal(right.code, 0, right.stderr);
    assert.equal(right.stdout.match(/: right: /g)?.length, 4, right.stdout);
    assert.equal((await client.getProperties()).metadata?.lastused, '2026-05-05T05:05:05Z');
    const all = await imageCache(['verify', '--all']);
    assert.equal(all.code, 0, all.stderr);

    const { metadata = {} } = await client.getProperties();
    const bytes = await client.downloadToBuffer();
    const wrong = async (change: (copy: Buffer) => Buffer, says: RegExp): Promise<void> => {
      const copy = change(Buffer.from(bytes));
      await client.upload(copy, copy.length, { metadata });
      const { code, stderr } = await imageCache(['verify', `by/podman@${sample.imageId}`, ours]);
      assert.equal(code, 1, stderr);
      assert.match(stderr, says);
    };
    await wrong((copy) => {
      copy[copy.length - 2000] = (copy[copy.length - 2000] ?? 0) ^ 1;
      return copy;
    }, /does not hold what its name says|does not unpack/);
    await wrong((copy) => copy.subarray(0, copy.length - 5000), /:1: .+/);

    const tar = Buffer.from(uploads['by/podman']);
    const at = tar.indexOf('two');
    tar[at] = 0x78;
    await app.storage.images
      .getBlockBlobClient(`by/podman/${hexOf(sample.imageId)}.tar`)
      .upload(tar, tar.length);
    const { code, stdout, stderr } = await imageCache(['verify', '--json', `by/podman@${sample.imageId}`]);
    assert.equal(code, 1, stderr);
    assert.match(stdout, /does not unpack to its diff id/);
  });

  it('says what is not cached, and wants to know what to verify', async () => {
    const none = await imageCache(['verify', image('none/at-all:1')]);
    assert.equal(none.code, 4);
    assert.match(none.stderr, /is not cached/);
    for (const args of [[], ['--all', 'ubuntu']])
      assert.equal((await imageCache(['verify', ...args])).code, 2);
  });
});
