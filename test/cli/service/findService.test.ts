import assert from 'node:assert/strict';
import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { findService } from '../../../src/cli/service/findService.ts';
import { UsageError } from '../../../src/cli/usageError.ts';
import { imageCache, send, startStandIn } from '../support/commands.ts';

const URL_LINE = 'IMAGE_CACHE_URL="https://func-x.azurewebsites.net"\n';
const FOUND = 'https://func-x.azurewebsites.net';

let root: string;
/** A folder in the project. */
let inside: string;
before(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'tic-azd-'));
});
after(() => rm(root, { recursive: true }));
beforeEach(async () => {
  await rm(root, { recursive: true });
  inside = path.join(root, 'project', 'src', 'deep');
  await mkdir(inside, { recursive: true });
});

/** Writes what azd would. */
async function azd(environments: Readonly<Record<string, string>>, config: unknown): Promise<string> {
  const folder = path.join(root, 'project', '.azure');
  await mkdir(folder, { recursive: true });
  await writeFile(
    path.join(folder, 'config.json'),
    typeof config === 'string' ? config : JSON.stringify(config),
  );
  for (const [name, text] of Object.entries(environments)) {
    await mkdir(path.join(folder, name), { recursive: true });
    await writeFile(path.join(folder, name, '.env'), text);
  }
  return folder;
}
const DEV = { version: 1, defaultEnvironment: 'dev' };

/** @throws {UsageError} */
const found = async (env: Readonly<Record<string, string>> = {}, asked?: string): Promise<string> =>
  (await findService(asked, env, inside)).url;

describe('the service', () => {
  it('is what --service says, else IMAGE_CACHE_URL, else what azd deployed, else this machine', async () => {
    assert.equal(await found(), 'http://127.0.0.1:7071');
    await azd({ dev: URL_LINE }, DEV);
    assert.equal(await found(), FOUND);
    assert.equal(await found({ IMAGE_CACHE_URL: 'https://b' }), 'https://b');
    assert.equal(await found({ IMAGE_CACHE_URL: '' }), FOUND);
    assert.equal(await found({ IMAGE_CACHE_URL: 'https://b' }, 'https://a'), 'https://a');
  });

  it('is of the default environment, or of the one that AZURE_ENV_NAME names', async () => {
    await azd({ dev: URL_LINE, prod: 'SERVICE_URL="https://prod.example"\n' }, DEV);
    assert.equal(await found({ AZURE_ENV_NAME: 'prod' }), 'https://prod.example');
    await assert.rejects(found({ AZURE_ENV_NAME: 'gone' }), {
      name: 'UsageError',
      message: /AZURE_ENV_NAME is gone, and there is no environment of that name in .*\.azure that names/,
    });
    assert.equal(await found({ AZURE_ENV_NAME: '' }), FOUND);
  });

  it('is on this machine where azd chose or deployed nothing yet', async () => {
    for (const [environments, config] of [
      [{}, { version: 1 }],
      [{}, DEV],
      [{ dev: 'AZURE_ENV_NAME="dev"\n' }, DEV],
      [{ dev: 'IMAGE_CACHE_URL=""\n' }, DEV],
    ] as const) {
      await azd(environments, config);
      assert.equal(await found(), 'http://127.0.0.1:7071');
    }
    await assert.rejects(found({}, 'azd'), /No environment of azd from \S+ upwards names a service/);
  });

  it('is said on standard error where it was found', async () => {
    const { notice } = await findService(undefined, {}, inside);
    assert.equal(notice, undefined);
    const folder = await azd({ dev: URL_LINE }, DEV);
    assert.equal(
      (await findService(undefined, {}, inside)).notice,
      `The service is ${FOUND} (environment dev, ${path.join(folder, 'dev', '.env')}).`,
    );
  });
});

describe('a file of azd that cannot be used', () => {
  for (const [what, environments, config, file, why] of [
    ['is no JSON', {}, '{', 'config.json', 'it is not JSON'],
    ['names no text', {}, { defaultEnvironment: 7 }, 'config.json', 'defaultEnvironment is not a string'],
    ['has no variables', { dev: 'A="1"\n\nnonsense\n' }, DEV, '.env', 'line 3 is not NAME="value"'],
    ['has plain http', { dev: 'SERVICE_URL="http://x.example"' }, DEV, '.env', 'is not the https URL'],
    ['has no URL', { dev: 'IMAGE_CACHE_URL="x y"' }, DEV, '.env', 'is not the https URL'],
    ['has a password', { dev: 'IMAGE_CACHE_URL="https://a:b@x"' }, DEV, '.env', 'is not the https URL'],
    ['is huge', { dev: '#'.repeat(300_000) }, DEV, '.env', 'it is larger than 262144 bytes'],
  ] as const) {
    it(`is named, where it ${what}`, async () => {
      await azd(environments, config);
      await assert.rejects(found(), (error) => {
        assert.ok(error instanceof UsageError);
        assert.ok(error.message.includes(file) && error.message.includes(why), error.message);
        return true;
      });
    });
  }

  it('is named, where it is a folder', async () => {
    await mkdir(path.join(root, 'project', '.azure', 'config.json'), { recursive: true });
    await assert.rejects(found(), /config\.json cannot say where the service is: it is not a file/);
  });

  for (const name of ['../../elsewhere', '..', '.', 'a/b', 'x'.repeat(65), 'a b']) {
    it(`is none of an environment called ${name.slice(0, 20)}`, async () => {
      await azd({ dev: URL_LINE }, { defaultEnvironment: name });
      await assert.rejects(found(), /is not the name of an environment/);
      await assert.rejects(found({ AZURE_ENV_NAME: name }), /is not the name of an environment/);
    });
  }

  it('is not taken from another user', { skip: process.getuid?.() !== 0 && 'needs root' }, async () => {
    const folder = await azd({ dev: URL_LINE }, DEV);
    await chown(path.join(folder, 'dev', '.env'), 12_345, 12_345);
    await assert.rejects(found(), /\.env cannot say where the service is: it belongs to another user/);
    await chown(path.join(folder, 'config.json'), 12_345, 12_345);
    await assert.rejects(found(), /config\.json cannot say .* belongs to another user/);
  });
});

describe('a service that was only found', () => {
  it('gets a key or token where that is asked for, and else nothing at all', async (t) => {
    const service = await startStandIn();
    t.after(() => service.close());
    service.answer = (_, response) => send(response, 200, { images: [] });
    await azd({ dev: `IMAGE_CACHE_URL="${service.origin}"\n` }, DEV);
    for (const credential of ['IMAGE_CACHE_KEY', 'IMAGE_CACHE_TOKEN']) {
      const env = { [credential]: 's3cret' };
      const refused = await imageCache(['list'], { env, directory: inside });
      assert.equal(refused.code, 2);
      assert.ok(refused.stderr.includes(`The service would be ${service.origin}`), refused.stderr);
      assert.ok(refused.stderr.includes('say --service azd'), refused.stderr);
      assert.equal((await imageCache(['completion', 'images', 'a'], { env, directory: inside })).stdout, '');
      assert.equal(service.seen.length, 0);

      const asked = await imageCache(['list', '--service', 'azd'], { env, directory: inside });
      assert.equal(asked.code, 0);
      assert.match(asked.stderr, /^image-cache: The service is http:\S+ \(environment dev, /);
      assert.ok(JSON.stringify(service.seen[0]?.headers).includes('s3cret'));
      service.seen.length = 0;
    }
    assert.equal((await imageCache(['list'], { directory: inside })).code, 0);
    assert.equal(service.seen[0]?.headers['x-functions-key'], undefined);
  });

  it('is asked for no completion', async (t) => {
    const service = await startStandIn();
    t.after(() => service.close());
    await azd({ dev: `IMAGE_CACHE_URL="${service.origin}"\n` }, DEV);
    const done = await imageCache(['completion', 'images', ''], { directory: inside });
    assert.deepEqual(done, { code: 0, stdout: '', stderr: '' });
    assert.equal(service.seen.length, 0);
  });
});
