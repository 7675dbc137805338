import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { COMMANDS } from '../../src/cli/commands.ts';
import { completionScript, SHELLS } from '../../src/cli/completion/scripts.ts';
import { OPTION_LIST } from '../../src/cli/options.ts';
import { imageCache, send, startStandIn, view } from './support/commands.ts';

let service: Awaited<ReturnType<typeof startStandIn>>;
before(async () => {
  service = await startStandIn();
});
after(() => service.close());

const images = async (word: string): Promise<string[]> => {
  const env = { IMAGE_CACHE_URL: service.origin };
  const { code, stdout, stderr } = await imageCache(['completion', 'images', word], { env });
  assert.deepEqual([code, stderr], [0, '']);
  return stdout.split('\n').slice(0, -1);
};

describe('completion of images', () => {
  it('gives names as people write them, sorted, each once', async () => {
    const all = ['library/ubuntu', 'library/ubuntu', 'umbrella/app', 'library/debian'];
    service.answer = ({ url }, response) => {
      const prefix = new URL(url, 'http://x').searchParams.get('prefix') ?? '';
      const fitting = all.filter((name) => name.startsWith(prefix));
      send(response, 200, {
        images: fitting.map((name) => ({ ...view(name, 'ready'), image: `docker.io/${name}:1` })),
      });
    };
    assert.deepEqual(await images('u'), ['ubuntu:1', 'umbrella/app:1']);
    assert.deepEqual(await images('umbrella/app:'), ['umbrella/app:1']);
    assert.deepEqual(await images('x'), []);
  });

  it('gives names of a registry with a port, whose blobs are named otherwise', async () => {
    service.answer = ({ url }, response) => {
      const prefix = new URL(url, 'http://x').searchParams.get('prefix') ?? '';
      const image = { ...view('x', 'ready'), image: 'reg.example:5000/team/app:1' };
      send(response, 200, { images: 'reg.example_5000/team/app/'.startsWith(prefix) ? [image] : [] });
    };
    for (const word of ['reg', 'reg.example:50', 'reg.example:5000/te', 'reg.example:5000/team/app:'])
      assert.deepEqual(await images(word), ['reg.example:5000/team/app:1'], word);
  });

  it('gives no name that a shell could take for more than a word', async () => {
    const evil = ['$(touch x)', 'a b', 'a;b', "a'b", 'a`b`', '-a', 'a\nb', 'a\x1b[2J', 'ok:1'];
    service.answer = (_, response) =>
      send(response, 200, { images: evil.map((image) => ({ ...view('x', 'ready'), image })) });
    assert.deepEqual(await images(''), ['ok:1']);
  });

  it('is quietly nothing where the service is away, or refuses', async () => {
    service.answer = (_, response) => response.writeHead(401).end();
    assert.deepEqual(await images('a'), []);
    service.answer = (_, response) => response.destroy();
    assert.deepEqual(await images('a'), []);
  });
});

describe('completion scripts', () => {
  for (const shell of SHELLS) {
    it(`name every command and option, in ${shell}`, () => {
      const script = completionScript(shell, COMMANDS);
      for (const { name } of COMMANDS) assert.match(script, new RegExp(`\\b${name}\\b`));
      for (const { name } of OPTION_LIST)
        assert.match(script, new RegExp(shell === 'fish' ? `-l ${name}\\b` : `--${name}\\b`));
    });
  }
});
