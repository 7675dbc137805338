import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CacheError } from '../../src/errors.ts';
import { imageView, lookupView, partialView } from '../../src/service/imageViews.ts';
import { parseImageRequest } from '../../src/image/imageRequest.ts';
import type { CachedImage } from '../../src/store/archive/archives.ts';
import { METADATA } from '../store/support/storage.ts';

const AMD64 = { os: 'linux', architecture: 'amd64' };
const CACHED: CachedImage = { ...METADATA, blob: 'library/sample/1.tar', etag: '"1"', size: 7, metadata: {} };
const request = (image: string) => parseImageRequest(image, undefined, AMD64);

describe('the view of an image', () => {
  it('that is ready names the archive, and the tag where one was asked for', () => {
    const view = imageView(request('sample:1'), { state: 'ready', cached: CACHED });
    assert.deepEqual(view, {
      state: 'ready',
      requested: 'sample:1',
      image: 'docker.io/library/sample:1',
      platform: 'linux/amd64',
      manifestDigest: METADATA.manifestDigest,
      indexDigest: METADATA.indexDigest,
      imageId: METADATA.imageId,
      runRef: METADATA.runRef,
      blob: 'library/sample/1.tar',
      size: 7,
      lastUsed: METADATA.lastUsed,
      createdAt: METADATA.createdAt,
      tagAs: 'sample:1',
    });
    const byDigest = imageView(request(`sample@${METADATA.manifestDigest}`), {
      state: 'ready',
      cached: { ...CACHED, indexDigest: undefined },
      stale: true,
    });
    assert.deepEqual([byDigest.tagAs, byDigest.stale, 'indexDigest' in byDigest], [undefined, true, false]);
  });

  it('that not all can load says so', () => {
    const notes = (more: Partial<CachedImage>) =>
      imageView(request('sample:1'), { state: 'ready', cached: { ...CACHED, ...more } }).notes;
    assert.equal(notes({ layerCount: 125, compression: 'gzip+none' }), undefined);
    assert.match(notes({ compression: 'gzip+zstd' })?.join() ?? '', /Docker older than 23/);
    assert.match(notes({ layerCount: 126 })?.join() ?? '', /126 layers/);
  });

  it('that is not there says what there is to say, and leaves out the rest', () => {
    const { requested, image, platform } = imageView(request('sample:1'), { state: 'absent' });
    const identity = { requested, image, platform };
    const error = new CacheError('registry_denied', 'No.').toFailure();
    assert.deepEqual(imageView(request('sample:1'), { state: 'failed', error }), {
      state: 'failed',
      ...identity,
      error,
    });
    assert.deepEqual(imageView(request('sample:1'), { state: 'pending' }), { state: 'pending', ...identity });
    const progress = { phase: 'copying', run: 'aaaaaaaa', blob: 'b', totalBytes: 9 } as const;
    assert.deepEqual(imageView(request('sample:1'), { state: 'pending', progress }).progress, {
      phase: 'copying',
    });
    assert.deepEqual(
      imageView(request('sample:1'), { state: 'pending', progress, stagedBytes: 3 }).progress,
      {
        phase: 'copying',
        stagedBytes: 3,
        totalBytes: 9,
      },
    );
  });

  it('that was looked up has a URL, and for a node with layers the ranges of the rest', () => {
    const urlExpires = new Date('2026-01-02T03:04:05.678Z');
    const view = lookupView(request('sample:1'), { state: 'ready', cached: CACHED, url: 'u', urlExpires });
    assert.deepEqual([view.url, view.urlExpires], ['u', '2026-01-02T03:04:05Z']);
    const partial = partialView(view, {
      ranges: [
        { start: 0, end: 9 },
        { start: 20, end: 29 },
      ],
      layers: 2,
      layersHeld: 1,
    });
    assert.deepEqual(partial, {
      ...view,
      ranges: ['0-9', '20-29'],
      rangesSize: 20,
      layers: 2,
      layersHeld: 1,
    });
  });
});
