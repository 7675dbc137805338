import assert from 'node:assert/strict';
import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { removeDirectory, run, type RunResult, temporaryDirectory } from '../support/process.ts';
import { serve, type TestServer } from '../registry/support/server.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ADVISORY = 'GHSA-aaaa-bbbb-cccc';

/** With npm itself, and a registry that knows what the test tells it. */
describe('npm run audit', () => {
  let folder: string;
  let registry: TestServer;
  let advisories: unknown;
  before(async () => {
    folder = await temporaryDirectory('audit');
    for (const name of ['package.json', 'package-lock.json', 'packages', 'release', 'SECURITY.md'])
      await cp(path.join(ROOT, name), path.join(folder, name), { recursive: true });
    registry = await serve((request, response) => {
      if (request.url === '/-/npm/v1/security/advisories/bulk' && advisories !== undefined)
        response.setHeader('content-type', 'application/json').end(JSON.stringify(advisories));
      else response.writeHead(404).end('{}');
    });
  });
  after(async () => {
    await registry.close();
    await removeDirectory(folder);
  });

  const audit = (env: Readonly<Record<string, string>> = {}): Promise<RunResult> =>
    run([process.execPath, 'release/audit.ts'], {
      cwd: folder,
      env: {
        npm_config_registry: registry.origin,
        npm_config_cache: path.join(folder, 'cache'),
        AUDIT: '',
        ...env,
      },
    });
  const against = (name: string): unknown => ({
    [name]: [
      {
        id: 1,
        url: `https://github.com/advisories/${ADVISORY}`,
        title: 'It leaks',
        severity: 'high',
        vulnerable_versions: '<999',
        cwe: [],
        cvss: { score: 0, vectorString: null },
      },
    ],
  });

  it('passes where nothing is known', async () => {
    advisories = {};
    const { code, stdout } = await audit({ AUDIT: 'required' });
    assert.match(stdout, /No advisory is open/);
    assert.equal(code, 0);
  });

  it('fails on an advisory, and names package and advisory', async () => {
    advisories = against('undici');
    const { code, stderr } = await audit();
    assert.match(stderr, new RegExp(`high: undici: It leaks \\(\\S+${ADVISORY}\\)\n`));
    assert.equal(code, 1);
  });

  it('passes over what is not deployed', async () => {
    advisories = against('prettier');
    assert.equal((await audit()).code, 0);
  });

  it('passes over an advisory that SECURITY.md explains', async () => {
    advisories = against('undici');
    const file = path.join(folder, 'SECURITY.md');
    const before = await readFile(file, 'utf8');
    await writeFile(file, `${before}\n- ${ADVISORY}: no harm here.\n`);
    const { code } = await audit();
    await writeFile(file, before);
    assert.equal(code, 0);
  });

  it('fails without a registry that answers only where that is required', async () => {
    advisories = undefined;
    const { code, stderr } = await audit();
    assert.match(stderr, /No audit: 404/);
    assert.equal(code, 0);
    assert.equal((await audit({ AUDIT: 'required' })).code, 1);
  });
});
