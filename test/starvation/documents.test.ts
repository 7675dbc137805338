import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { after, before, describe, it } from 'node:test';
import { sha256Of } from '../../src/image/digest.ts';
import { OCI_CONFIG, OCI_MANIFEST } from '../../src/image/mediaTypes.ts';
import { serve, type TestServer } from '../registry/support/server.ts';
import { type LoopbackRegistry, startRegistry } from '../runs/support/loopbackRegistry.ts';
import { startTestService } from '../support/service.ts';
import { SmallImages } from './support/smallImages.ts';

const MOST_BYTES = 500e6;

/** Just below 4 MiB, and all of it something to be parsed. */
function largeManifest(name: string, fill: string): Buffer {
  const config = { mediaType: OCI_CONFIG, digest: sha256Of('c'), size: 10 };
  const start = JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [], name });
  return Buffer.from(`${start.slice(0, -1)},"x":[${fill}]}`);
}

const FILLS = {
  'one long text': `"${'a'.repeat(4_170_000)}"`,
  'more objects than are taken': '{},'.repeat(1_390_000).slice(0, -1),
  'as many members as are taken': '{"k":"aaaaaaaaaaaa"},'.repeat(120_000).slice(0, -1),
};

describe('eight hundred manifests of megabytes, of registries that do not answer HEAD', () => {
  let fill = '';
  let good: LoopbackRegistry;
  let large: readonly TestServer[];
  before(async () => {
    good = await startRegistry();
    large = await Promise.all(
      Array.from({ length: 8 }, () =>
        serve(({ method, url }, response) => {
          if (method === 'HEAD') return response.writeHead(405).end();
          const bytes = largeManifest(url, fill);
          response.writeHead(200, { 'content-type': OCI_MANIFEST, 'content-length': bytes.length });
          return response.end(bytes);
        }),
      ),
    );
  });
  after(() => Promise.all([good, ...large].map((server) => server.close())));

  for (const [name, content] of Object.entries(FILLS)) {
    it(`leave memory, health and a small image as they were: ${name}`, async (t) => {
      fill = content;
      const hosts = [...good.hosts, ...large.map(({ host }) => host)];
      const service = await startTestService({ INSECURE_REGISTRIES: hosts.join(',') });
      t.after(() => service.close());
      const small = new SmallImages(service, good);
      await small.timeAlone();
      const over = new AbortController();
      const health: number[] = [];
      const watching = (async (): Promise<void> => {
        while (!over.signal.aborted) {
          const began = performance.now();
          assert.equal((await service.request('GET', '/api/health')).status, 200);
          health.push(performance.now() - began);
        }
      })();
      const posts = Array.from({ length: 8 }, (_, post) => {
        const images = Array.from(
          { length: 100 },
          (_, at) => `${large[at % 8]?.host ?? ''}/${name.replaceAll(' ', '-')}/p${post}i${at}:1`,
        );
        return service.request('POST', '/api/images', { images });
      });
      await Promise.all(posts);
      over.abort();
      await watching;
      const peak = peakBytes(service.pid);
      health.sort((a, b) => a - b);
      const [median = 0, longest = 0] = [health[health.length >> 1], health.at(-1)];
      t.diagnostic(
        `peak ${Math.round(peak / 1e6)} MB; health after ${Math.round(median)} ms in the median, ${Math.round(longest)} ms at most`,
      );
      assert.ok(peak < MOST_BYTES, `${peak} bytes`);
      await small.assertUnharmed(t);
    });
  }
});

/** The most memory that a process ever had in use. https://man7.org/linux/man-pages/man5/proc_pid_status.5.html */
function peakBytes(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}
