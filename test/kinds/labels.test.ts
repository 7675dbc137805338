import assert from 'node:assert/strict';
import { sha256Of } from '../../src/image/digest.ts';
import { parseImageRequest } from '../../src/image/imageRequest.ts';
import { mirrorManifest } from '../../src/distribution/mirror.ts';
import { describeImage } from '../../src/service/describeImage.ts';
import { ensureImage } from '../../src/service/ensureImage.ts';
import { lookupImage } from '../../src/service/lookupImage.ts';
import { removeImage } from '../../src/service/removeImage.ts';
import { readTag } from '../../src/store/hints/aliases.ts';
import { dropHints, RecordedRuns, setLastUsed } from '../runs/support/rig.ts';
import type { CaseRegistry } from './support/caseRegistry.ts';
import { type Case, runKind, type Seen } from './support/kinds.ts';

const DOCKER_REFERENCE = 'https://github.com/distribution/reference/blob/main/reference.go';
const ACR_GEO = 'https://github.com/Azure/acr/issues/880';
const SPECIFICATION = 'https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pull';

/** What is asked for beside the case's own request. */
const asking = ({ registry, repository }: Seen, suffix: string) =>
  parseImageRequest(`${registry.host}/${repository}${suffix}`, 'linux/amd64', {
    os: 'linux',
    architecture: 'amd64',
  });

/** What lookup gives: the digest of the image and whether it is marked, or the code of the refusal. */
async function lookup(seen: Seen, suffix: string): Promise<string> {
  try {
    const found = await lookupImage(seen.context, seen.runs, asking(seen, suffix), 0);
    return found.state === 'pending'
      ? 'pending'
      : `${found.cached.manifestDigest}${found.stale === true ? ' stale' : ''}`;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

async function ensure(seen: Seen, suffix: string): Promise<string> {
  try {
    const found = await ensureImage(seen.context, seen.runs, asking(seen, suffix));
    return found.state === 'pending'
      ? 'pending'
      : `${found.cached.manifestDigest}${found.stale === true ? ' stale' : ''}`;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

/** Lets every run that was started come to its end. */
async function settle(seen: Seen, suffix: string): Promise<string> {
  return (await describeImage(seen.context, seen.runs, asking(seen, suffix))).state;
}

function down(registry: CaseRegistry, repository: string): void {
  registry.on(repository, (_, response) => {
    response.writeHead(503).end();
    return true;
  });
}

/** A tag that names a digest which is not there. */
function namesNothing(registry: CaseRegistry, repository: string, digest = sha256Of('nothing')): void {
  registry.on(repository, ({ method, url }, response) => {
    if (!url.includes('/manifests/')) return false;
    if (method === 'HEAD') response.writeHead(200, { 'docker-content-digest': digest }).end();
    else response.writeHead(404).end();
    return true;
  });
}

/** Asks for the old image under the label 2.0, which the registry gives to another one. */
const labelled: Pick<Case, 'serve' | 'right'> = {
  serve: async (registry, repository) => {
    const old = await registry.add(repository, '1.0', { layers: ['old'] });
    await registry.add(repository, '2.0', { layers: ['current'] });
    return `${repository}:2.0@${old.digest}`;
  },
  right: 'ready',
};

/** An image that is cached by its tag. */
const cached: Pick<Case, 'serve' | 'right'> = {
  serve: (registry, repository) => registry.add(repository, '1', { layers: [`${repository} old`] }),
  right: 'ready',
};

const newer = (seen: Seen) => seen.registry.add(seen.repository, '1', { layers: [`${seen.repository} new`] });

runKind("a caller's words mean nothing until a registry said so", [
  {
    ...labelled,
    input: 'NAME:TAG@DIGEST, and a lookup of NAME:TAG',
    why: 'the tag is only that caller’s label',
    source: DOCKER_REFERENCE,
    check: async (seen) => assert.equal(await lookup(seen, ':2.0'), 'image_not_cached'),
  },
  {
    ...labelled,
    input: 'NAME:TAG@DIGEST, and a lookup of NAME:TAG after the hints were lost',
    why: 'metadata holds no label either',
    source: DOCKER_REFERENCE,
    check: async (seen) => {
      assert.ok(!seen.cached?.image.includes(':2.0'), seen.cached?.image);
      await dropHints(seen.context.storage);
      assert.equal(await lookup(seen, ':2.0'), 'image_not_cached');
    },
  },
  {
    ...labelled,
    input: 'NAME:TAG@DIGEST, and a POST of NAME:TAG with the registry down',
    why: 'what was never confirmed is not served as stale',
    source: DOCKER_REFERENCE,
    check: async (seen) => {
      down(seen.registry, seen.repository);
      const runs = new RecordedRuns();
      const found = await ensureImage(seen.context, runs, asking(seen, ':2.0'));
      assert.equal(found.state, 'pending');
    },
  },
  {
    ...labelled,
    input: 'NAME:TAG@DIGEST of a tag that is cached',
    why: 'a label moves no alias',
    source: DOCKER_REFERENCE,
    check: async (seen) => {
      await ensure(seen, ':2.0');
      await settle(seen, ':2.0');
      const before = await lookup(seen, ':2.0');
      assert.match(before, /^sha256:/);
      await ensure(seen, `:2.0@${seen.cached?.manifestDigest ?? ''}`);
      assert.equal(await lookup(seen, ':2.0'), before);
    },
  },
  {
    ...labelled,
    input: 'NAME:TAG@DIGEST at the mirror by NAME:TAG',
    why: 'a docker daemon must not be given the labelled one either',
    source: SPECIFICATION,
    check: async (seen) =>
      assert.equal(await mirrorManifest(seen.context, asking(seen, ':2.0').ref), undefined),
  },
  {
    ...labelled,
    input: 'NAME:TAG@DIGEST, and DELETE of NAME:TAG',
    why: 'a label is no name to delete by',
    source: DOCKER_REFERENCE,
    check: async (seen) => {
      await assert.rejects(removeImage(seen.context, asking(seen, ':2.0')), { code: 'image_not_cached' });
    },
  },
  {
    input: 'a label that the registry does not know, beside a digest that it does',
    why: 'the digest wins, and nobody asks for the tag',
    source: DOCKER_REFERENCE,
    serve: async (registry, repository) => {
      const { digest } = await registry.add(repository, undefined);
      return `${repository}:nonsense@${digest}`;
    },
    right: 'ready',
    check: (seen) => assert.ok(seen.requests.every(({ url }) => !url.includes('nonsense'))),
  },
  {
    input: 'a digest that the registry does not have, beside a tag that it does',
    why: 'the digest wins: the tag’s image is not what was asked for',
    source: DOCKER_REFERENCE,
    serve: async (registry, repository) => {
      await registry.add(repository, '1');
      return `${repository}:1@${sha256Of('gone')}`;
    },
    right: { code: 'image_not_found' },
  },
  {
    ...cached,
    input: 'a tag that moved, while the new image is on its way',
    why: 'POST says pending, lookup serves what is there',
    source: SPECIFICATION,
    check: async (seen) => {
      const old = seen.cached?.manifestDigest ?? assert.fail();
      await newer(seen);
      const runs = new RecordedRuns();
      assert.equal((await ensureImage(seen.context, runs, asking(seen, ':1'))).state, 'pending');
      assert.equal((await describeImage(seen.context, runs, asking(seen, ':1'))).state, 'pending');
      const found = await lookupImage(seen.context, runs, asking(seen, ':1'), 0);
      assert.ok(found.state === 'ready');
      assert.deepEqual([found.cached.manifestDigest, found.stale], [old, true]);
    },
  },
  {
    ...cached,
    input: 'a tag that moved, once the new image is there',
    why: 'the alias has moved, and nothing is stale',
    source: SPECIFICATION,
    check: async (seen) => {
      const { digest } = await newer(seen);
      assert.equal(await ensure(seen, ':1'), 'pending');
      assert.equal(await settle(seen, ':1'), 'ready');
      assert.equal(await lookup(seen, ':1'), digest);
    },
  },
  {
    ...cached,
    input: 'a tag that moved, whose new image was cached by its digest',
    why: 'callers with other words share one run: the tag must find it all the same',
    source: SPECIFICATION,
    check: async (seen) => {
      const { digest } = await newer(seen);
      await ensureImage(seen.context, new RecordedRuns(), asking(seen, ':1'));
      await ensure(seen, `@${digest}`);
      assert.equal(await settle(seen, `@${digest}`), 'ready');
      assert.equal(await lookup(seen, ':1'), digest);
    },
  },
  {
    ...cached,
    input: 'a tag whose new digest is not there (yet)',
    why: 'a geo-replicated registry knows a tag before its manifest',
    source: ACR_GEO,
    check: async (seen) => {
      const old = seen.cached?.manifestDigest ?? assert.fail();
      namesNothing(seen.registry, seen.repository);
      await ensure(seen, ':1');
      await settle(seen, ':1');
      assert.equal(await lookup(seen, ':1'), `${old} stale`);
    },
  },
  {
    ...cached,
    input: 'a tag whose new digest was never there, and then the registry is gone',
    why: 'least of all may it stay lost then',
    source: ACR_GEO,
    check: async (seen) => {
      const old = seen.cached?.manifestDigest ?? assert.fail();
      namesNothing(seen.registry, seen.repository);
      await ensure(seen, ':1');
      await settle(seen, ':1');
      down(seen.registry, seen.repository);
      assert.equal(await ensure(seen, ':1'), `${old} stale`);
      assert.equal(await lookup(seen, ':1'), `${old} stale`);
    },
  },
  {
    ...cached,
    input: 'a tag that names another missing digest three times in a row',
    why: 'each is a word of the registry, and none may push out what is there',
    source: ACR_GEO,
    check: async (seen) => {
      const old = seen.cached?.manifestDigest ?? assert.fail();
      for (const nothing of ['a', 'b', 'c']) {
        namesNothing(seen.registry, seen.repository, sha256Of(nothing));
        await ensure(seen, ':1');
        await settle(seen, ':1');
      }
      assert.equal(await lookup(seen, ':1'), `${old} stale`);
    },
  },
  {
    ...cached,
    input: 'a tag that moved, after all hints were lost',
    why: 'the archives say what they were made for',
    source: ACR_GEO,
    check: async (seen) => {
      const old = seen.cached?.manifestDigest ?? assert.fail();
      await dropHints(seen.context.storage);
      await newer(seen);
      await ensureImage(seen.context, new RecordedRuns(), asking(seen, ':1'));
      assert.equal(await lookup(seen, ':1'), `${old} stale`);
    },
  },
  {
    ...cached,
    input: 'a tag that moved forth and back',
    why: 'what it stands for now is there already',
    source: SPECIFICATION,
    check: async (seen) => {
      const old = seen.cached?.manifestDigest ?? assert.fail();
      await newer(seen);
      await ensure(seen, ':1');
      await settle(seen, ':1');
      await seen.registry.add(seen.repository, '1', { layers: [`${seen.repository} old`] });
      assert.equal(await ensure(seen, ':1'), old);
      assert.equal(await lookup(seen, ':1'), old);
    },
  },
  {
    ...cached,
    input: 'DELETE of a tag that moved while its older image is there',
    why: 'what was deleted by its name does not come back as an older one',
    source: SPECIFICATION,
    check: async (seen) => {
      await newer(seen);
      await ensure(seen, ':1');
      await settle(seen, ':1');
      await removeImage(seen.context, asking(seen, ':1'));
      assert.equal(await lookup(seen, ':1'), 'image_not_cached');
      assert.match(await lookup(seen, `@${seen.cached?.manifestDigest ?? ''}`), /^sha256:/);
      assert.deepEqual((await readTag(seen.context.storage, seen.request.ref, '1'))?.digests, []);
    },
  },
  {
    ...cached,
    input: 'POST of a cached image that nobody looked up for long',
    why: 'asking for an image is a use of it',
    source: SPECIFICATION,
    check: async (seen) => {
      const { blob } = seen.cached ?? assert.fail();
      await setLastUsed(seen.context, blob, '2020-01-01T00:00:00Z');
      const found = await ensureImage(seen.context, seen.runs, seen.request);
      assert.ok(found.state === 'ready' && found.cached.lastUsed > '2026-01-01');
    },
  },
]);
