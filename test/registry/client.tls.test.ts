import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Descriptor } from '../../src/image/manifest.ts';
import { must } from '../support/process.ts';
import { type Registry, startRegistry } from '../support/registry.ts';
import { requireTools } from '../support/tools.ts';
import type { PullOnce } from './support/pullOnce.ts';
import { push, sampleImage } from './support/samples.ts';
import { serve, type TestServer } from './support/server.ts';

const program = path.join(import.meta.dirname, 'support', 'pullOnce.ts');

describe(
  'a registry behind TLS of a private authority',
  { skip: requireTools('docker-registry', 'openssl') },
  () => {
    const image = sampleImage([200_000]);
    const [descriptor] = image.layerDescriptors;
    assert.ok(descriptor !== undefined);
    let registry: Registry;
    let other: TestServer;

    before(async () => {
      registry = await startRegistry({ tls: true });
      await push(registry, 'team/sample', '1', image);
      other = await serve((_request, response) => response.writeHead(404).end());
    });
    after(async () => {
      await registry.close();
      await other.close();
    });

    async function pull(host: string, wanted: Descriptor, trusted: boolean): Promise<unknown> {
      const input: PullOnce = {
        insecure: [`https://${registry.host}`, other.host],
        timing: { attempts: 2, backoffFirstMs: 1 },
        image: `${host}/team/sample:1`,
        descriptor: wanted,
      };
      const env = trusted ? { NODE_EXTRA_CA_CERTS: registry.caFile ?? '' } : {};
      return JSON.parse(await must([process.execPath, program, JSON.stringify(input)], { env }));
    }

    it('is pulled from where NODE_EXTRA_CA_CERTS names the authority', async () => {
      assert.deepEqual(await pull(registry.host, descriptor, true), {
        digest: descriptor.digest,
        parallel: false,
      });
    });

    it('is refused otherwise, with what to do', async () => {
      const failure = (await pull(registry.host, descriptor, false)) as Record<string, unknown>;
      assert.equal(failure.code, 'registry_unavailable');
      assert.equal(failure.retryable, false);
      assert.match(String(failure.detail), /certificate.*NODE_EXTRA_CA_CERTS/);
    });

    it('may be where a foreign layer comes from, when its own registry has it not', async () => {
      const urls = [
        'https://169.254.169.254/nothing',
        `https://${registry.host}/v2/team/sample/blobs/${descriptor.digest}`,
      ];
      assert.deepEqual(await pull(other.host, { ...descriptor, urls }, true), {
        digest: descriptor.digest,
        parallel: true,
      });
      assert.deepEqual(
        other.seen.map(({ url }) => url.replace(/sha256:.*/, '…')),
        ['/v2/team/sample/blobs/…', '/v2/'],
        'the registry is asked first, also how it wants to be asked',
      );
    });
  },
);
