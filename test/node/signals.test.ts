import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { removeDirectory, temporaryDirectory } from '../support/process.ts';
import { requireTools } from '../support/tools.ts';
import { pathWithout, SCRIPT } from './support/node.ts';
import { SHELLS } from './support/part.ts';

const ANSWER = [
  "RUN_REF='host/a:sha256-1'",
  "IMAGE_ID='sha256:1'",
  "SIZE='104857600'",
  "URL='URL/archive'",
  '',
].join('\n');
/** A daemon that has nothing and loads what never ends. */
const DOCKER = `#!/bin/sh
case "$1" in
  info) echo '/|[[Backing Filesystem x]]|26.0.0' ;;
  load) exec cat >/dev/null ;;
  image) exit 1 ;;
esac`;

describe('tes-node, told to end in the middle of a download', { skip: requireTools('curl', 'wget') }, () => {
  let folder: string;
  let server: Server;
  /** Downloads that have begun to send and never will end. */
  let downloads: number;
  let begun: () => void;
  const hasAll = (): Promise<void> => new Promise((resolve) => (begun = resolve));

  before(async () => {
    folder = await temporaryDirectory('signals');
    await mkdir(path.join(folder, 'docker'));
    await writeFile(path.join(folder, 'docker', 'docker'), DOCKER, { mode: 0o755 });
    for (const program of ['curl', 'wget']) await pathWithout(path.join(folder, program), other(program));
    server = createServer((request, response) => {
      request.resume();
      if (request.url?.startsWith('/archive') !== true) {
        response.end(ANSWER.replace('URL/', `http://${request.headers.host ?? ''}/`));
        return;
      }
      const [, from = '0', to = '0'] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? [];
      response.writeHead(206, {
        'content-range': `bytes ${from}-${to}/104857600`,
        'content-length': Number(to) - Number(from) + 1,
      });
      response.write('some');
      if (++downloads === 4) begun();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  after(async () => {
    server.closeAllConnections();
    server.close();
    await removeDirectory(folder);
  });
  beforeEach(() => {
    downloads = 0;
  });

  let child: ChildProcess | undefined;
  afterEach(() => child?.kill('SIGKILL'));

  for (const { name, argv, skip } of SHELLS) {
    for (const program of ['curl', 'wget']) {
      for (const [signal, status] of [
        ['SIGTERM', 143],
        ['SIGINT', 130],
        ['SIGHUP', 129],
      ] as const) {
        it(
          `leaves no process of its own at ${signal} (${name}, ${program})`,
          { skip, timeout: 60_000 },
          async () => {
            const state = path.join(folder, `state-${name}-${program}-${signal}`);
            const { port } = server.address() as AddressInfo;
            // What it starts inherits this; so it can be told from all others.
            const mark = `TES_NODE_STATE=${state}`;
            const all = hasAll();
            const [command = '', ...args] = argv;
            child = spawn(command, [...args, SCRIPT, 'prepare', 'host/a:1'], {
              env: {
                PATH: `${path.join(folder, 'docker')}:${path.join(folder, program)}`,
                TES_CACHE_URL: `http://127.0.0.1:${port}`,
                TES_NODE_STATE: state,
              },
              stdio: ['ignore', 'ignore', 'inherit'],
            });
            const exit = once(child, 'exit') as Promise<[number | null, string | null]>;
            await all;
            const before = await withEnvironment(mark);
            // The script, the stream, four of fetch, four of curl or wget, docker.
            assert.ok(before.length >= 11, before.join('\n'));
            child.kill(signal);
            const [code] = await exit;
            assert.deepEqual(await withEnvironment(mark), []);
            assert.equal(code, status);
            assert.deepEqual((await readdir(state)).sort(), ['images', 'lock']);
          },
        );
      }
    }
  }
});

function other(program: string): string {
  return program === 'curl' ? 'wget' : 'curl';
}

/** Command lines of the processes that have this setting in their environment. */
async function withEnvironment(setting: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const read = (pid: string, file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
  const found = await Promise.all(
    pids.map(async (pid) =>
      (await read(pid, 'environ')).split('\0').includes(setting) ? await read(pid, 'cmdline') : undefined,
    ),
  );
  return found.filter((line) => line !== undefined).map((line) => line.replaceAll('\0', ' '));
}
