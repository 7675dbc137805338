import assert from 'node:assert/strict';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BlobReader } from '../../../src/registry/blob/blobReader.ts';
import { type FakeRegistry, QUICK, startFakeRegistry } from '../support/fakeRegistry.ts';
import { sampleImage } from '../support/samples.ts';
import { redirect, type SeenRequest, sendBytes, serve, type TestServer } from '../support/server.ts';

const SIZE = 400_000;
const image = sampleImage([SIZE, 0]);
const [layer = Buffer.alloc(0)] = image.layers;
const [descriptor, emptyDescriptor] = image.layerDescriptors;
assert.ok(descriptor !== undefined && emptyDescriptor !== undefined);

const whole = { start: 0, end: SIZE };
const isBlob = (request: SeenRequest): boolean => request.url.includes('/blobs/');
const rangesOf = (requests: readonly SeenRequest[]): (string | undefined)[] =>
  requests.map(({ headers }) => headers.range);

describe('a layer from the registry itself', () => {
  let registry: FakeRegistry;
  beforeEach(async () => {
    registry = await startFakeRegistry(image);
  });
  afterEach(() => registry.close());

  const open = (range = whole): Promise<BlobReader> =>
    registry.client.openBlob(registry.ref(), descriptor, range);
  async function readAll(range = whole): Promise<Buffer> {
    const reader = await open(range);
    try {
      return await buffer(reader.read(range.start, range.end));
    } finally {
      reader.close();
    }
  }

  it('is read in order, in one request', async () => {
    const reader = await open();
    assert.equal(reader.parallel, false);
    const parts = [];
    for (let at = 0; at < SIZE; at += 100_000) parts.push(await buffer(reader.read(at, at + 100_000)));
    reader.close();
    assert.ok(Buffer.concat(parts).equals(layer));
    assert.deepEqual(rangesOf(registry.blobRequests()), [`bytes=0-${SIZE - 1}`]);
  });

  it('goes on at the byte after a reset', async () => {
    let resets = 0;
    registry.misbehave = (request, response) => {
      if (!isBlob(request) || resets === 3) return false;
      resets += 1;
      const start = Number(/bytes=(\d+)/.exec(request.headers.range ?? '')?.[1]);
      response.writeHead(206, {
        'content-range': `bytes ${start}-${SIZE - 1}/${SIZE}`,
        'content-length': SIZE - start,
      });
      response.write(layer.subarray(start, start + 70_001), () => response.socket?.destroy());
      return true;
    };
    assert.ok((await readAll()).equals(layer));
    const resumes = registry.events.filter((event) => event.type === 'resume');
    assert.equal(resumes.length, 3);
    // Each one started where the bytes that had arrived ended.
    assert.deepEqual(
      rangesOf(registry.blobRequests()).slice(1),
      resumes.map(({ position }) => `bytes=${position}-${SIZE - 1}`),
    );
    assert.ok(resumes.every(({ reread }) => reread === 0));
  });

  it('goes on after a server that sends no more, and counts only its own waiting', async () => {
    let stalled = false;
    registry.misbehave = (request, response) => {
      if (!isBlob(request) || stalled) return false;
      stalled = true;
      response.writeHead(206, {
        'content-range': `bytes 0-${SIZE - 1}/${SIZE}`,
        'content-length': SIZE,
      });
      response.write(layer.subarray(0, 50_000));
      return true;
    };
    assert.ok((await readAll()).equals(layer));
    assert.match(JSON.stringify(registry.events), /it sent nothing for/);

    registry.events.length = 0;
    const reader = await open();
    const parts: Uint8Array[] = [];
    for await (const chunk of reader.read(0, SIZE)) {
      parts.push(chunk);
      if (parts.length === 1) await sleep(QUICK.stallMs + 50);
    }
    reader.close();
    assert.ok(Buffer.concat(parts).equals(layer));
    assert.deepEqual(
      registry.events.filter(({ type }) => type !== 'request'),
      [],
    );
  });

  it('does not wait for ever for a byte now and then', async () => {
    registry.misbehave = async (request, response) => {
      if (!isBlob(request)) return false;
      const start = Number(/bytes=(\d+)/.exec(request.headers.range ?? '')?.[1]);
      response.writeHead(206, { 'content-range': `bytes ${start}-${SIZE - 1}/${SIZE}` });
      for (let at = start; !response.destroyed; at += 1) {
        response.write(layer.subarray(at, at + 1));
        await sleep(20);
      }
      return true;
    };
    await assert.rejects(readAll(), { code: 'registry_unavailable', retryable: true });
  });

  it('is read from the middle of a server without ranges, and that is counted', async () => {
    let broken = false;
    registry.misbehave = (request, response) => {
      if (!isBlob(request)) return false;
      response.writeHead(200, { 'content-length': SIZE });
      if (broken) response.end(layer);
      else response.write(layer.subarray(0, 300_000), () => response.socket?.destroy());
      broken = true;
      return true;
    };
    const range = { start: 200_000, end: 350_000 };
    assert.ok((await readAll(range)).equals(layer.subarray(200_000, 350_000)));
    const [resume] = registry.events.filter((event) => event.type === 'resume');
    assert.ok(resume !== undefined && resume.position > 200_000 && resume.position <= 300_000);
    assert.equal(resume.reread, resume.position);
  });

  it('gives up on a server without ranges that never gets to the end', async () => {
    let longest = 0;
    registry.misbehave = (request, response) => {
      if (!isBlob(request)) return false;
      longest = Math.min(SIZE - 1, longest + 70_000);
      response.writeHead(200, { 'content-length': SIZE });
      response.write(layer.subarray(0, longest), () => response.socket?.destroy());
      return true;
    };
    await assert.rejects(readAll(), { code: 'registry_unavailable' });
  });

  it('does not believe a range that was not asked for', async () => {
    let wrong = 0;
    registry.misbehave = (request, response) => {
      if (!isBlob(request) || wrong === 1) return false;
      wrong += 1;
      response.writeHead(206, { 'content-range': `bytes 5-${SIZE - 1}/${SIZE}` }).end(layer.subarray(5));
      return true;
    };
    assert.ok((await readAll()).equals(layer));
  });

  it('does without ranges where a server always gets them wrong', async () => {
    registry.misbehave = (request, response) => {
      if (!isBlob(request) || request.headers.range === undefined) return false;
      response.writeHead(206, { 'content-range': `bytes 5-${SIZE - 1}/${SIZE}` }).end(layer.subarray(5));
      return true;
    };
    assert.ok((await readAll()).equals(layer));
  });

  it('takes less than it asked for, and asks for the rest', async () => {
    registry.misbehave = (request, response) => {
      const match = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '');
      if (!isBlob(request) || match === null) return false;
      const start = Number(match[1]);
      const end = Math.min(start + 150_000, Number(match[2]) + 1);
      response.writeHead(206, { 'content-range': `bytes ${start}-${end - 1}/*` });
      response.end(layer.subarray(start, end));
      return true;
    };
    assert.ok((await readAll()).equals(layer));
    assert.equal(registry.blobRequests().length, 3);
  });

  for (const [what, headers, bytes] of [
    ['shorter', { 'content-length': String(SIZE - 1) }, layer.subarray(1)],
    ['longer', { 'content-length': String(SIZE + 1) }, Buffer.concat([layer, Buffer.of(1)])],
    ['longer, without saying so', {}, Buffer.concat([layer, Buffer.of(1)])],
  ] as const) {
    it(`is refused where the blob is ${what}`, async () => {
      registry.misbehave = (request, response) => {
        if (!isBlob(request)) return false;
        response.writeHead(200, headers).end(bytes);
        return true;
      };
      await assert.rejects(readAll(), { code: 'digest_mismatch' });
    });
  }

  it('is refused where more bytes come after the last one', async () => {
    registry.misbehave = async (request, response) => {
      if (!isBlob(request)) return false;
      response.writeHead(200).write(layer);
      await sleep(50);
      response.end('more');
      return true;
    };
    await assert.rejects(readAll(), { code: 'digest_mismatch' });
  });

  it("is refused where a range is of another blob's size", async () => {
    registry.misbehave = (request, response) => {
      if (!isBlob(request)) return false;
      response.writeHead(206, { 'content-range': `bytes 0-${SIZE - 1}/${SIZE + 7}` }).end(layer);
      return true;
    };
    await assert.rejects(readAll(), { code: 'digest_mismatch' });
  });

  it('is refused where the registry has fewer bytes than the manifest says', async () => {
    registry.misbehave = (request, response) => {
      if (!isBlob(request)) return false;
      response.writeHead(request.headers.range === undefined ? 404 : 416).end();
      return true;
    };
    await assert.rejects(readAll({ start: 1000, end: SIZE }), { code: 'image_not_found' });
  });

  it('gives its connection back while nobody reads, and goes on afterwards', async () => {
    registry.misbehave = (request, response) => {
      if (!isBlob(request)) return false;
      const start = Number(/bytes=(\d+)/.exec(request.headers.range ?? '')?.[1]);
      response.writeHead(206, {
        'content-range': `bytes ${start}-${SIZE - 1}/${SIZE}`,
        'content-length': SIZE - start,
      });
      response.write(layer.subarray(start, SIZE - 1)); // the last byte never comes
      return true;
    };
    // More than there are connections: the last ones wait for those that nobody reads.
    const readers = await Promise.all(Array.from({ length: 20 }, () => open()));
    registry.misbehave = () => false;
    for (const reader of readers) {
      assert.ok((await buffer(reader.read(0, SIZE))).equals(layer));
      reader.close();
    }
  });

  it('stops when the caller stops', async () => {
    registry.misbehave = (request, response) => {
      if (!isBlob(request)) return false;
      response.writeHead(206, { 'content-range': `bytes 0-${SIZE - 1}/${SIZE}` });
      response.write(layer.subarray(0, 1000));
      return true;
    };
    const abort = new AbortController();
    const reader = await registry.client.openBlob(registry.ref(), descriptor, whole, abort.signal);
    await assert.rejects(
      async () => {
        for await (const chunk of reader.read(0, SIZE)) abort.abort(new Error(`${chunk.length} are enough`));
      },
      { message: '1000 are enough' },
    );
    reader.close();
  });

  it('lets go of the connection when nobody reads on', async () => {
    const closed = new Promise<void>((resolve) => {
      registry.misbehave = (request, response) => {
        if (!isBlob(request)) return false;
        response.writeHead(206, { 'content-range': `bytes 0-${SIZE - 1}/${SIZE}` });
        response.write(layer.subarray(0, 1000));
        void once(response, 'close').then(() => resolve());
        return true;
      };
    });
    const reader = await open();
    for await (const chunk of reader.read(0, SIZE)) if (chunk.length > 0) break;
    reader.close();
    await closed;
  });

  it('needs no request where it is empty, or carried in the manifest', async () => {
    const empty = await registry.client.openBlob(registry.ref(), emptyDescriptor, { start: 0, end: 0 });
    assert.equal((await buffer(empty.read(0, 0))).length, 0);
    const data = Buffer.from('inline');
    const inline = await registry.client
      .openBlob(
        registry.ref(),
        { ...descriptor, digest: `sha256:${'0'.repeat(64)}`, size: 3, data },
        { start: 0, end: 3 },
      )
      .catch((error: unknown) => error);
    // What does not match its digest is not used: the registry is asked.
    assert.ok(inline instanceof Error && 'code' in inline && inline.code === 'image_not_found');
    registry.seen.length = 0;
    const reader = await registry.client.openBlob(registry.ref(), { ...descriptor, data: layer }, whole);
    assert.ok((await buffer(reader.read(5, SIZE))).equals(layer.subarray(5)));
    assert.deepEqual(registry.seen, []);
  });

  it('gets a new token in the middle', async () => {
    let valid = 0;
    let uses = 0;
    registry.misbehave = (request, response) => {
      if (request.url.startsWith('/token')) {
        valid += 1;
        uses = 0;
        response.end(JSON.stringify({ token: `t${valid}`, expires_in: 300 }));
        return true;
      }
      if (request.headers.authorization !== `Bearer t${valid}` || ++uses > 2) {
        response.writeHead(401, { 'www-authenticate': 'Bearer realm="/token",service="s"' }).end();
        return true;
      }
      if (!isBlob(request)) return false;
      const start = Number(/bytes=(\d+)/.exec(request.headers.range ?? '')?.[1]);
      response.writeHead(206, { 'content-range': `bytes ${start}-${SIZE - 1}/${SIZE}` });
      response.write(layer.subarray(start, start + 70_000), () => response.socket?.destroy());
      return true;
    };
    assert.ok((await readAll()).equals(layer));
    assert.equal(valid, 3, 'one token for each two requests');
  });
});

describe('a layer from storage that the registry redirects to', () => {
  let registry: FakeRegistry;
  let storage: TestServer;
  /** Addresses carry one; only the current one works. */
  let signature = 1;
  let handedOut = 0;
  let answer: (request: SeenRequest) => 'send' | 'whole' | 'fail' = () => 'send';

  beforeEach(async () => {
    signature = 1;
    handedOut = 0;
    answer = () => 'send';
    storage = await serve((request, response) => {
      if (request.url !== `/layer?sig=${signature}`) return response.writeHead(403).end('<Error/>');
      switch (answer(request)) {
        case 'send':
          return sendBytes(request, response, layer);
        case 'whole':
          return response.writeHead(200, { 'content-length': SIZE }).end(layer);
        case 'fail':
          return response.writeHead(503).end();
      }
    });
    registry = await startFakeRegistry(image, {}, [storage]);
    registry.misbehave = (request, response) => {
      if (!isBlob(request)) return false;
      handedOut += 1;
      redirect(response, `${storage.origin}/layer?sig=${signature}`);
      return true;
    };
  });
  afterEach(async () => {
    await registry.close();
    await storage.close();
  });

  const open = (range = whole): Promise<BlobReader> =>
    registry.client.openBlob(registry.ref(), descriptor, range);
  const readBlocks = async (reader: BlobReader, block: number): Promise<Buffer> => {
    const starts = Array.from({ length: Math.ceil(SIZE / block) }, (_, index) => index * block);
    const reads = starts.map((start) => buffer(reader.read(start, Math.min(SIZE, start + block))));
    return Buffer.concat(await Promise.all(reads));
  };

  it('costs the registry one request however many ranges are read, also of later readers', async () => {
    const reader = await open();
    assert.equal(reader.parallel, true);
    assert.ok((await readBlocks(reader, 10_000)).equals(layer));
    reader.close();
    const again = await open({ start: 5, end: 10 });
    assert.deepEqual(await buffer(again.read(5, 10)), layer.subarray(5, 10));
    again.close();
    assert.equal(handedOut, 1);
    assert.equal(storage.seen.length, 41, 'the first range was read from the first answer');
  });

  it('asks the registry once more when the address has ended', async () => {
    const reader = await open();
    assert.ok((await buffer(reader.read(0, 1000))).equals(layer.subarray(0, 1000)));
    signature = 2;
    assert.ok((await buffer(reader.read(200_000, SIZE))).equals(layer.subarray(200_000)));
    assert.ok((await buffer(reader.read(1000, 2000))).equals(layer.subarray(1000, 2000)));
    reader.close();
    assert.equal(handedOut, 2);
  });

  it('asks the registry for another address when the one it has keeps failing', async () => {
    const reader = await open();
    await buffer(reader.read(0, SIZE));
    let failures = 0;
    answer = () => (failures++ < 2 ? 'fail' : 'send');
    assert.ok((await buffer(reader.read(300_000, SIZE))).equals(layer.subarray(300_000)));
    reader.close();
    assert.equal(handedOut, 2);
  });

  it('is read in order where the storage knows no ranges', async () => {
    answer = () => 'whole';
    const reader = await open();
    assert.equal(reader.parallel, false);
    assert.ok((await buffer(reader.read(0, SIZE))).equals(layer));
    reader.close();
    assert.equal(storage.seen.length, 1);
  });

  it('survives a storage that forgets ranges for a while', async () => {
    const reader = await open();
    let forgotten = 0;
    answer = () => (forgotten++ < 3 ? 'whole' : 'send');
    assert.ok((await readBlocks(reader, 100_000)).equals(layer));
    reader.close();
  });

  it('fails where the registry only ever hands out dead addresses', async () => {
    signature = -1;
    registry.misbehave = (request, response) => {
      if (!isBlob(request)) return false;
      redirect(response, `${storage.origin}/layer?sig=secret-signature`);
      return true;
    };
    await assert.rejects(open(), (error: unknown) => {
      assert.ok(error instanceof Error && 'code' in error);
      assert.equal(error.code, 'registry_unavailable');
      assert.doesNotMatch(error.message, /secret-signature/);
      return true;
    });
    assert.doesNotMatch(JSON.stringify(registry.events), /secret-signature/);
  });
});
