import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import net, { type AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { startTestService } from '../support/service.ts';

/** Processes that have `pid` as their parent; Linux only. */
async function childrenOf(pid: number): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const status = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    if (Number(status.slice(status.lastIndexOf(')') + 2).split(' ')[1]) === pid) found.push(Number(name));
  }
  return found;
}

async function ended(pid: number): Promise<void> {
  await eventually(`process ${pid} has ended`, async () => {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
    return stat === undefined || stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
  });
}

const skip = process.platform === 'linux' ? false : 'reads /proc';

describe('npm start', { skip }, () => {
  it('says where it is ready, answers there, and leaves nothing running when it is stopped', async () => {
    const service = await startTestService({});
    const children = await childrenOf(service.pid);
    assert.equal(children.length, 1, 'Azurite');
    const { status, body } = await service.request('GET', '/api/health');
    assert.equal(status, 200);
    assert.partialDeepStrictEqual(body, { status: 'ok' });
    await service.close();
    await Promise.all([service.pid, ...children].map(ended));
  });

  it('leaves nothing running when it is killed', async () => {
    const service = await startTestService({});
    const children = await childrenOf(service.pid);
    await service.kill();
    await Promise.all(children.map(ended));
  });

  it('keeps two services apart', async () => {
    const services = await Promise.all([startTestService({}), startTestService({})]);
    assert.notEqual(services[0].url, services[1].url);
    await Promise.all(services.map((service) => service.close()));
  });

  it('says that the port is in use', async () => {
    const other = net.createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await assert.rejects(
      startTestService({ PORT: String(port) }),
      new RegExp(`Port ${port} of 127.0.0.1 is in use`),
    );
    other.close();
  });

  it('stops at a bad setting, and names it', async () => {
    const start = startTestService({ PRUNE_AFTER_DAYS: 'soon' });
    await assert.rejects(start, /PRUNE_AFTER_DAYS is "soon"; it must be a number/);
  });

  it('stops where the storage does not answer, without the key', async () => {
    const IMAGE_STORAGE =
      'DefaultEndpointsProtocol=http;AccountName=a;AccountKey=c2VjcmV0;BlobEndpoint=http://127.0.0.1:1/a;';
    await assert.rejects(startTestService({ IMAGE_STORAGE }), (error: Error) => {
      assert.match(error.message, /storage_unavailable/);
      assert.doesNotMatch(error.message, /c2VjcmV0/);
      return true;
    });
  });
});
