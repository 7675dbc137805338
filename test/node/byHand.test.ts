import assert from 'node:assert/strict';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { connectStorage } from '../../src/store/storage.ts';
import { hexOf, sha256Of } from '../../src/image/digest.ts';
import { newContainer, openAzurite, type TestAzurite } from '../support/azurite.ts';
import { GREETING, pushSmall } from '../support/images.ts';
import { removeDirectory, temporaryDirectory } from '../support/process.ts';
import type { PushedImage } from '../support/push.ts';
import { type Registry, startRegistry } from '../support/registry.ts';
import { SAVER_TOOLS, SAVERS } from '../support/savers.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { requireTools } from '../support/tools.ts';
import { trixie } from '../support/trixie.ts';
import { type Node, NODE_TOOLS, startNode, SUITE_LIMIT } from './support/node.ts';

/** Who loads what was put there by hand. */
const NODES = {
  'docker 20.10': () => Promise.resolve({}),
  'docker 26, classic store': async () => ({ system: await trixie() }),
  'docker 26, containerd store': async () => ({ system: await trixie(), store: 'containerd' }) as const,
};

describe(
  'archives that were put there by hand, on a node',
  { timeout: SUITE_LIMIT, skip: requireTools(...NODE_TOOLS, ...SAVER_TOOLS) },
  () => {
    let registry: Registry;
    let azurite: TestAzurite;
    let service: TestService;
    let small: PushedImage;
    let folder: string;
    const container = newContainer();
    /** By the saver, the names under which its archive is there: plain and gzipped. */
    const images = new Map<string, readonly string[]>();

    before(async () => {
      [registry, azurite, folder] = await Promise.all([
        startRegistry(),
        openAzurite(),
        temporaryDirectory('hand'),
      ]);
      small = await pushSmall(registry);
      service = await startTestService({
        IMAGE_STORAGE: azurite.connectionString,
        IMAGE_CONTAINER: container,
      });
      const storage = connectStorage(azurite.connectionString).getContainerClient(container);
      for (const [position, [saver, save]] of Object.entries(SAVERS).entries()) {
        const names: string[] = [];
        for (const encoding of ['plain', 'gzip']) {
          const repository = `hand/${encoding}${position}`;
          const file = path.join(folder, `${encoding}${position}.tar`);
          await save({ registry, reference: small.reference, name: `docker.io/${repository}:1.0`, file });
          const bytes = encoding === 'gzip' ? gzipSync(await readFile(file)) : await readFile(file);
          await rm(file);
          const blob = `${repository}/${hexOf(sha256Of(saver))}.tar`;
          await storage.getBlockBlobClient(blob).upload(bytes, bytes.length);
          names.push(`${repository}:1.0`);
        }
        images.set(saver, names);
      }
    });
    after(async () => {
      await service.close();
      await azurite.close();
      await registry.close();
      await removeDirectory(folder);
    });

    for (const [nodeName, optionsOf] of Object.entries(NODES))
      describe(nodeName, () => {
        let node: Node;
        before(async () => (node = await startNode(service.url, await optionsOf())));
        after(() => node.close());

        for (const saver of Object.keys(SAVERS))
          it(`loads, runs and removes what ${saver} wrote`, async () => {
            for (const image of images.get(saver) ?? assert.fail()) {
              const { code, stdout, stderr } = await node.tesNode(['prepare', image], {
                env: { TES_CACHE_ON_MISS: 'fail' },
              });
              assert.equal(code, 0, stderr);
              const [repository = ''] = image.split(':');
              assert.equal(stdout, `${repository}:sha256-${hexOf(sha256Of(saver))}\n`, stderr);
              for (const name of [stdout.trim(), image]) assert.equal(await node.log(name), GREETING, name);
              const again = await node.tesNode(['prepare', image]);
              assert.equal(again.code, 0, again.stderr);
              assert.match(again.stderr, /downloaded 0 bytes/);
              const cleaned = await node.tesNode(['clean']);
              assert.equal(cleaned.code, 0, cleaned.stderr);
              assert.equal(await node.docker('image', 'ls', '--all', '--quiet'), '', `${image} is left`);
            }
          });
      });
  },
);
