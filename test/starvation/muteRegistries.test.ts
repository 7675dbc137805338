import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { sha256Of } from '../../src/image/digest.ts';
import { type LoopbackRegistry, startRegistry } from '../runs/support/loopbackRegistry.ts';
import { eventually } from '../support/eventually.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { SmallImages } from './support/smallImages.ts';

/** Addresses of this machine at which nobody listens: connections are refused, as by a name whose host is gone. */
const DEAD = Array.from({ length: 1000 }, (_, at) => `127.9.${Math.floor(at / 250)}.${(at % 250) + 1}:9`);

/** Takes a connection, answers HEAD, and of GET says only what `mutter` writes. */
interface MuteRegistry {
  readonly host: string;
  /** GETs so far. */
  readonly asked: () => number;
  close(): void;
}

async function startMute(mutter: (socket: Socket) => void): Promise<MuteRegistry> {
  let asked = 0;
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      const [line = ''] = data.toString('latin1').split('\r\n');
      if (line.startsWith('HEAD')) {
        const type = 'application/vnd.oci.image.manifest.v1+json';
        const headers = `Docker-Content-Digest: ${sha256Of(line)}\r\nContent-Type: ${type}\r\nContent-Length: 2`;
        socket.end(`HTTP/1.1 200 OK\r\n${headers}\r\n\r\n`);
        return;
      }
      asked += 1;
      const timer = setInterval(() => mutter(socket), 1000);
      socket.on('close', () => clearInterval(timer));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: () => asked,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

describe('a small image from a good registry', () => {
  let good: LoopbackRegistry;
  let mute: readonly MuteRegistry[];
  let service: TestService;
  let small: SmallImages;

  before(async () => {
    good = await startRegistry();
    mute = await Promise.all([
      startMute(() => undefined),
      startMute((socket) => socket.write('HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n')),
    ]);
    const hosts = [...good.hosts, ...mute.map(({ host }) => host), ...DEAD];
    service = await startTestService({ INSECURE_REGISTRIES: hosts.join(',') });
    small = new SmallImages(service, good);
    await small.timeAlone();
  });
  after(async () => {
    await service.close();
    await good.close();
    for (const one of mute) one.close();
  });

  /** A hundred images in one request. */
  async function askFor(images: readonly string[]): Promise<Map<string, number>> {
    const { body } = await service.request('POST', '/api/images', { images });
    const states = new Map<string, number>();
    for (const { state } of body.images ?? []) states.set(state, (states.get(state) ?? 0) + 1);
    return states;
  }

  it('takes at most twice as long beside a hundred of a registry that never answers GET', async (t) => {
    const [one = assert.fail()] = mute;
    const images = Array.from({ length: 100 }, (_, at) => `${one.host}/mute/image${at}:1`);
    t.diagnostic(JSON.stringify([...(await askFor(images))]));
    await eventually('it has been asked', () => one.asked() > 0);
    await small.assertUnharmed(t);
  });

  it('takes at most twice as long beside those and forty of one that says 103 for ever', async (t) => {
    const [, one = assert.fail()] = mute;
    await askFor(Array.from({ length: 40 }, (_, at) => `${one.host}/hints/image${at}:1`));
    await eventually('it has been asked', () => one.asked() > 0);
    await small.assertUnharmed(t);
  });

  it('takes at most twice as long after images of a thousand hosts that are gone', async (t) => {
    const asked = Array.from({ length: 10 }, (_, at) =>
      askFor(DEAD.slice(at * 100, (at + 1) * 100).map((host) => `${host}/dead/image:1`)),
    );
    for (const states of await Promise.all(asked)) t.diagnostic(JSON.stringify([...states]));
    await small.assertUnharmed(t);
  });
});
