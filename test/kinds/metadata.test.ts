import assert from 'node:assert/strict';
import { describeImage } from '../../src/service/describeImage.ts';
import { checkHealth } from '../../src/service/checkHealth.ts';
import { ensureImage } from '../../src/service/ensureImage.ts';
import { lookupImage } from '../../src/service/lookupImage.ts';
import { removeImage } from '../../src/service/removeImage.ts';
import { partialLookup } from '../../src/service/partialLookup.ts';
import { isoSeconds } from '../../src/store/archive/archiveMetadata.ts';
import { findArchive, listArchives, readArchive } from '../../src/store/archive/archives.ts';
import { pruneImages } from '../../src/upkeep/pruneImages.ts';
import { type Case, runKind, type Seen } from './support/kinds.ts';

const METADATA_UPDATE =
  'https://learn.microsoft.com/cli/azure/storage/blob/metadata#az-storage-blob-metadata-update';
const NAMES_AND_CASE =
  'https://learn.microsoft.com/rest/api/storageservices/setting-and-retrieving-properties-and-metadata-for-blob-resources';
const LEASES = 'https://learn.microsoft.com/rest/api/storageservices/lease-blob';
const CONTAINERS = 'https://learn.microsoft.com/rest/api/storageservices/delete-container#remarks';
const RFC_3339 = 'https://www.rfc-editor.org/rfc/rfc3339#section-5.6';

type Metadata = Record<string, string>;

const blobOf = ({ cached }: Seen): string => cached?.blob ?? assert.fail();
const clientOf = (seen: Seen) => seen.context.storage.images.getBlobClient(blobOf(seen));

/** Writes the archive's metadata as some tool would. */
async function edit(seen: Seen, change: (metadata: Metadata) => Metadata): Promise<void> {
  const { metadata = {} } = await clientOf(seen).getProperties();
  await clientOf(seen).setMetadata(change(metadata));
}

const without =
  (...names: string[]) =>
  (metadata: Metadata): Metadata =>
    Object.fromEntries(Object.entries(metadata).filter(([name]) => !names.includes(name)));

/** It is found, listed, laid open and removed as if nothing had happened; and the registry is not pulled from again. */
async function isWhole(seen: Seen): Promise<void> {
  const { storage } = seen.context;
  const before = seen.registry.asked(seen.repository).filter(({ url }) => url.includes('/blobs/')).length;
  const found = await lookupImage(seen.context, seen.runs, seen.request, 0);
  assert.ok(found.state === 'ready');
  for (const name of ['platform', 'manifestDigest', 'indexDigest', 'imageId', 'runRef', 'size'] as const)
    assert.deepEqual(found.cached[name], seen.cached?.[name], name);
  assert.ok(await partialLookup(seen.context, found.cached, []));
  const ensured = await ensureImage(seen.context, seen.runs, seen.request);
  assert.equal(ensured.state, 'ready');
  const after = seen.registry.asked(seen.repository).filter(({ url }) => url.includes('/blobs/')).length;
  assert.equal(after, before, 'a blob was pulled again');
  const folder = blobOf(seen).slice(0, blobOf(seen).lastIndexOf('/') + 1);
  const { images } = await listArchives(storage, { prefix: folder, pageSize: 10 });
  assert.deepEqual(
    images.map(({ blob }) => blob),
    [blobOf(seen)],
  );
  await removeImage(seen.context, seen.request);
  assert.equal(await findArchive(storage, blobOf(seen)), undefined);
}

/** An archive that is cached, and whose metadata is then changed. */
const edited = (
  input: string,
  why: string,
  source: string,
  change: (metadata: Metadata) => Metadata,
): Case => ({
  ...{ input, why, source, right: 'ready' },
  serve: (registry, repository) => registry.add(repository, '1', { layers: [repository] }),
  check: async (seen) => {
    await edit(seen, change);
    await isWhole(seen);
  },
});

const wrong = (name: string, value: string, source = METADATA_UPDATE): Case =>
  edited(`${name} is ${JSON.stringify(value)}`, 'the archive itself says what it is', source, (metadata) => ({
    ...metadata,
    [name]: value,
  }));

const lost = (name: string): Case =>
  edited(`${name} is lost`, 'az replaces the whole set', METADATA_UPDATE, without(name));

/** Whether prune keeps the archive, whose dates are written so. */
const dated = (
  input: string,
  source: string,
  dates: Metadata | (() => Metadata),
  right: 'kept' | 'deleted',
  drop: string[] = [],
): Case => ({
  ...{ input: `${input}: ${right}`, source, right: 'ready' },
  why: 'neither early nor never',
  serve: (registry, repository) => registry.add(repository, '1', { layers: [repository] }),
  check: async (seen) => {
    const written = typeof dates === 'function' ? dates() : dates;
    await edit(seen, (metadata) => ({ ...without(...drop)(metadata), ...written }));
    await pruneImages(seen.context);
    const there = await readArchive(seen.context.storage, blobOf(seen));
    assert.equal(there === undefined ? 'deleted' : 'kept', right);
    // However it was written, it is gone when nobody has used it for as long as that.
    if (there === undefined) return;
    await pruneImages(seen.context, { now: new Date(Date.now() + 31 * 24 * 3600 * 1000) });
    assert.equal(await readArchive(seen.context.storage, blobOf(seen)), undefined);
  },
});

const OLD = '2020-01-01T00:00:00Z';
const now = (): string => isoSeconds(new Date());

runKind('metadata that was lost, mangled or put in another case', [
  ...['image', 'platform', 'manifestdigest', 'imageid', 'runref', 'layout', 'createdat', 'lastused'].map(
    lost,
  ),
  edited('everything is lost', 'az replaces the whole set', METADATA_UPDATE, () => ({})),
  edited('everything but an owner is lost', 'and what is not ours stays', METADATA_UPDATE, () => ({
    owner: 'genomics',
  })),
  edited('all names are in upper case', 'names are the same in any case', NAMES_AND_CASE, (metadata) =>
    Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name.toUpperCase(), value])),
  ),
  wrong('image', '!!!'),
  wrong('image', 'docker.io/library/another:1'),
  wrong('runref', 'x'),
  wrong('platform', 'a/b/c/d'),
  wrong('manifestdigest', 'sha256:12'),
  wrong('manifestdigest', `sha256:${'0'.repeat(64)}`),
  wrong('imageid', 'none'),
  wrong('indexdigest', 'x'),
]);

runKind('dates that decide what is pruned', [
  dated('used now', RFC_3339, () => ({ createdat: OLD, lastused: now() }), 'kept'),
  dated('used long ago', RFC_3339, { createdat: OLD, lastused: OLD }, 'deleted'),
  dated('used long ago, with a fraction and an offset', RFC_3339, { lastused: '2020-01-01T01:00:00.123+01:00' }, 'deleted'), // prettier-ignore
  dated('used now, with an offset', RFC_3339, () => ({ lastused: now().replace('Z', '+00:00') }), 'kept'),
  dated('used in the year 2999', METADATA_UPDATE, { createdat: OLD, lastused: '2999-01-01T00:00:00Z' }, 'kept'), // prettier-ignore
  dated('garbage', METADATA_UPDATE, { createdat: OLD, lastused: 'garbage' }, 'kept'),
  dated('a US date', METADATA_UPDATE, { createdat: OLD, lastused: '1/2/2020, 3:04:05 PM' }, 'kept'),
  dated('unix seconds', METADATA_UPDATE, { createdat: OLD, lastused: '1577836800' }, 'kept'),
  dated('the year zero of a tool', METADATA_UPDATE, { lastused: '0001-01-01T00:00:00Z' }, 'kept'),
  dated('no dates at all, uploaded a second ago', METADATA_UPDATE, {}, 'kept', ['lastused', 'createdat']),
  dated('upper-case names, used long ago', NAMES_AND_CASE, { LASTUSED: OLD }, 'deleted', ['lastused']),
]);

runKind('a store that others write to', [
  {
    input: 'a blob that is no archive under an archive’s name',
    why: 'it is named at once, before a byte of a layer is pulled, and left alone',
    source: METADATA_UPDATE,
    serve: async (registry, repository) => registry.add(repository, '1', { layers: [repository] }),
    right: 'ready',
    check: async (seen) => {
      const { storage } = seen.context;
      await removeImage(seen.context, seen.request);
      await storage.images.getBlockBlobClient(blobOf(seen)).upload('mine', 4);
      const pulled = seen.registry.asked(seen.repository).length;
      const { failure } = await seen.again();
      assert.equal(failure?.retryable, false);
      assert.match(failure.detail, /this service did not write it. Move it away/);
      const since = seen.registry.asked(seen.repository).slice(pulled);
      assert.ok(
        since.filter(({ url }) => url.includes('/blobs/')).length <= 1,
        'more than its config was pulled',
      );
      await pruneImages(seen.context, { now: new Date('2999-01-01') });
      await assert.rejects(removeImage(seen.context, seen.request), { code: 'image_not_cached' });
      assert.equal(await findArchive(storage, blobOf(seen)), 'foreign');
    },
  },
  {
    input: 'an archive that was cut short, without its metadata',
    why: 'what is not whole is no archive, and is not served',
    source: METADATA_UPDATE,
    serve: (registry, repository) => registry.add(repository, '1', { layers: [repository] }),
    right: 'ready',
    check: async (seen) => {
      const bytes = await clientOf(seen).downloadToBuffer();
      const { images } = seen.context.storage;
      await images.getBlockBlobClient(blobOf(seen)).upload(bytes.subarray(0, -512), bytes.length - 512);
      assert.equal(await findArchive(seen.context.storage, blobOf(seen)), 'foreign');
    },
  },
  {
    input: 'a leased archive among those that are due',
    why: 'one that cannot be deleted does not keep the others',
    source: LEASES,
    serve: (registry, repository) => registry.add(repository, '1', { layers: [repository] }),
    right: 'ready',
    check: async (seen) => {
      const lease = clientOf(seen).getBlobLeaseClient();
      await lease.acquireLease(-1);
      const { held } = await pruneImages(seen.context, { now: new Date('2999-01-01') });
      assert.deepEqual(
        held.images.map(({ blob }) => blob),
        [blobOf(seen)],
      );
      await assert.rejects(removeImage(seen.context, seen.request), { message: /a lease/ });
      assert.equal((await lookupImage(seen.context, seen.runs, seen.request, 0)).state, 'ready');
      await lease.releaseLease();
      await clientOf(seen).createSnapshot();
      assert.equal((await pruneImages(seen.context, { now: new Date('2999-01-01') })).deleted.count, 1);
    },
  },
  {
    input: 'the index container is deleted while the app runs',
    why: 'it holds only what can be found again',
    source: CONTAINERS,
    serve: (registry, repository) => registry.add(repository, '1', { layers: [repository] }),
    right: 'ready',
    check: async (seen) => {
      await seen.context.storage.index.delete();
      assert.equal((await lookupImage(seen.context, seen.runs, seen.request, 0)).state, 'ready');
      assert.equal((await ensureImage(seen.context, seen.runs, seen.request)).state, 'ready');
      await seen.registry.add(seen.repository, '1', { layers: ['another'] });
      assert.equal((await seen.again()).failure, undefined);
      assert.equal(await seen.context.storage.index.exists(), true);
    },
  },
  {
    input: 'the archives’ container is deleted while the app runs',
    why: 'images can be cached again, and health says so',
    source: CONTAINERS,
    serve: (registry, repository) => registry.add(repository, '1', { layers: [repository] }),
    right: 'ready',
    check: async (seen) => {
      await seen.context.storage.images.delete();
      assert.equal((await describeImage(seen.context, seen.runs, seen.request)).state, 'absent');
      assert.equal((await checkHealth(seen.context)).status, 'ok');
      await seen.context.storage.images.delete();
      assert.equal((await seen.again()).failure, undefined);
    },
  },
  {
    input: 'DELETE of an image',
    why: 'nothing of a deleted image stays readable',
    source: 'https://learn.microsoft.com/rest/api/storageservices/delete-blob',
    serve: (registry, repository) => registry.add(repository, '1', { layers: [repository] }),
    right: 'ready',
    check: async (seen) => {
      const { manifestDigest, imageId } = seen.cached ?? assert.fail();
      await removeImage(seen.context, seen.request);
      const left: string[] = [];
      for await (const { name } of seen.context.storage.index.listBlobsFlat()) left.push(name);
      const mine = [seen.repository, manifestDigest.slice(7), imageId.slice(7)];
      assert.deepEqual(
        left.filter((name) => mine.some((part) => name.includes(part))),
        [],
      );
    },
  },
]);
