import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type LoopbackRegistry, startRegistry } from '../runs/support/loopbackRegistry.ts';
import { eventually } from '../support/eventually.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { SmallImages } from './support/smallImages.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

/** Eight layers of 48 MiB, of which little will ever arrive. */
const LAYERS = Array.from({ length: 8 }, (_, index) => Buffer.alloc(48 * MiB, index));

describe('a small image from a good registry', () => {
  let good: LoopbackRegistry;
  let slow: readonly LoopbackRegistry[];
  let service: TestService;
  let small: SmallImages;

  before(async () => {
    [good, ...slow] = (await Promise.all(Array.from({ length: 6 }, startRegistry))) as [LoopbackRegistry];
    const hosts = [good, ...slow].flatMap((registry) => registry.hosts);
    service = await startTestService({ INSECURE_REGISTRIES: hosts.join(',') });
    small = new SmallImages(service, good);
    await small.timeAlone();
  });
  after(async () => {
    await service.close();
    await Promise.all([good, ...slow].map((registry) => registry.close()));
  });

  /** Has an image pulled from a registry that sends so many bytes of each layer every so often. */
  async function pullSlowly(registry: LoopbackRegistry, bytes: number, everyMs: number): Promise<void> {
    let open = 0;
    registry.misbehave = ({ url, headers }, response) => {
      const layer = registry.blobs.get(url.slice(url.lastIndexOf('/') + 1));
      if (!url.includes('/blobs/') || layer?.length !== 48 * MiB) return false;
      const start = Number(/^bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0);
      const status = headers.range === undefined ? 200 : 206;
      response.writeHead(status, {
        'content-length': layer.length - start,
        ...(status === 206 && { 'content-range': `bytes ${start}-${layer.length - 1}/${layer.length}` }),
      });
      let at = start;
      const send = (): void => {
        response.write(layer.subarray(at, at + bytes));
        at += bytes;
      };
      send();
      const timer = setInterval(send, everyMs);
      open += 1;
      response.on('close', () => {
        clearInterval(timer);
        open -= 1;
      });
      return true;
    };
    registry.push('team/slow:1', { layers: LAYERS });
    const asked = await service.ask(`${registry.host}/team/slow:1`);
    assert.equal(asked.status, 202, asked.text);
    await eventually('its layers are on their way', () => open >= 4);
  }

  it('takes at most twice as long beside one of 64 KiB/s a connection', async (t) => {
    await pullSlowly(slow[0] ?? assert.fail(), 64 * KiB, 1000);
    await small.assertUnharmed(t);
  });

  it('takes at most twice as long beside that and one that drips', async (t) => {
    await pullSlowly(slow[1] ?? assert.fail(), 17 * KiB, 20_000);
    await small.assertUnharmed(t);
  });

  it('takes at most twice as long beside those and three more of other registries', async (t) => {
    for (const registry of slow.slice(2)) await pullSlowly(registry, 64 * KiB, 1000);
    await small.assertUnharmed(t);
  });
});
