import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { COMMANDS } from '../../src/cli/commands.ts';
import { completionScript } from '../../src/cli/completion/scripts.ts';
import { send, startStandIn, view } from '../cli/support/commands.ts';
import { must, run } from '../support/process.ts';
import { requireTools } from '../support/tools.ts';

const BIN = fileURLToPath(new URL('../../src/cli/bin.ts', import.meta.url));

let folder: string;
let service: Awaited<ReturnType<typeof startStandIn>>;
let env: Record<string, string>;
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'tic-shells-'));
  const program = path.join(folder, 'image-cache');
  await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' '${BIN}' "$@"\n`);
  await chmod(program, 0o755);
  service = await startStandIn();
  service.answer = ({ url }, response) => {
    const names = url.includes('library') ? ['library/ubuntu:22.04', 'library/ubuntu:24.04'] : [];
    send(response, 200, {
      images: names.map((name) => ({ ...view(name, 'ready'), image: `docker.io/${name}` })),
    });
  };
  env = { PATH: `${folder}:${process.env.PATH ?? ''}`, IMAGE_CACHE_URL: service.origin, HOME: folder };
});
after(async () => {
  await service.close();
  await rm(folder, { recursive: true });
});

/** What stands in each shell's list where TAB is pressed behind `line`. */
const COMPLETE: Readonly<Record<'bash' | 'zsh' | 'fish', (line: string) => Promise<string[]>>> = {
  bash: async (line) => {
    const script = `source <(image-cache completion bash)
COMP_LINE=$1 COMP_POINT=\${#1}
_image_cache
printf '%s\\n' "\${COMPREPLY[@]}"`;
    return words(await must(['bash', '-euc', script, 'bash', line], { env }));
  },
  // Its completion works in its line editor only, which wants a terminal; here it is captured where it adds words.
  zsh: async (line) => {
    const file = path.join(folder, 'driver.zsh');
    await writeFile(
      file,
      `zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "source ${folder}/rc.zsh"
zpty -r shell said '*READY*'
zpty -n -w shell ${JSON.stringify(line)}$'\\t'
zpty -r shell said '*COMPLETED*'
`,
    );
    await writeFile(
      path.join(folder, 'rc.zsh'),
      `autoload -Uz compinit && compinit -u -d ${folder}/dump
source <(image-cache completion zsh)
compadd() {
  local -a found
  builtin compadd -O found "$@"
  print -rl -- $found >>${folder}/added
  builtin compadd "$@"
}
done-completing() { zle expand-or-complete; print -r COMPLE''TED; }
zle -N done-completing; bindkey '^I' done-completing
: >|${folder}/added
print -r REA''DY
`,
    );
    await must(['timeout', '30', 'zsh', '-f', file], { env });
    return words(await readFile(path.join(folder, 'added'), 'utf8'));
  },
  fish: async (line) => {
    const script = 'image-cache completion fish | source; complete -C $argv[1]';
    return words((await must(['fish', '--no-config', '-c', script, line], { env })).replace(/\t.*/g, ''));
  },
};

function words(text: string): string[] {
  return [...new Set(text.split('\n').filter((word) => word !== ''))].sort();
}

for (const shell of ['bash', 'zsh', 'fish'] as const) {
  describe(`completion in ${shell}`, { skip: requireTools(shell) }, () => {
    const complete = (line: string): Promise<string[]> => COMPLETE[shell](line);

    it('is a script without a mistake in it', async () => {
      const script = path.join(folder, `completion.${shell}`);
      await writeFile(script, completionScript(shell, COMMANDS));
      await must([shell, shell === 'fish' ? '--no-execute' : '-n', script]);
    });

    it('knows the commands', async () => {
      const found = await complete('image-cache ');
      for (const { name } of COMMANDS) assert.ok(found.includes(name), `${name} of ${found.join(' ')}`);
    });

    it("knows a command's options, and no other's", async () => {
      const found = await complete('image-cache add --');
      assert.ok(found.includes('--no-wait') && found.includes('--platform'), found.join(' '));
      assert.ok(!found.includes('--until-idle'), found.join(' '));
    });

    it('knows the images of the service', async () => {
      const found = await complete('image-cache remove ub');
      assert.deepEqual(found, ['ubuntu:22.04', 'ubuntu:24.04']);
    });

    it('knows those of the service that the line names, wherever it does, and no other', async () => {
      const other = await startStandIn();
      other.answer = ({ url }, response) =>
        send(response, 200, { images: url.includes('library') ? [] : [view('ubi:9', 'ready')] });
      try {
        for (const line of [
          `image-cache --service ${other.origin} remove ub`,
          `image-cache --service=${other.origin} remove ub`,
          `image-cache remove --service ${other.origin} ub`,
          `image-cache remove --platform linux/arm64 --service ${other.origin} ub`,
        ])
          assert.deepEqual(await complete(line), ['ubi:9'], line);
      } finally {
        await other.close();
      }
    });

    it('has no image where the value of an option is wanted', async () => {
      for (const line of ['image-cache remove --platform ', 'image-cache remove --service ub'])
        assert.deepEqual(await complete(line), [], line);
    });

    it('knows the commands behind an option, too', async () => {
      const found = await complete('image-cache --service http://127.0.0.1:9 ');
      for (const { name } of COMMANDS) assert.ok(found.includes(name), `${name} of ${found.join(' ')}`);
    });
  });
}

describe('completion in bash', { skip: requireTools('bash') }, () => {
  it('replaces what follows the last colon, as readline does', async () => {
    assert.deepEqual(await COMPLETE.bash('image-cache lookup ubuntu:2'), ['22.04', '24.04']);
  });

  it('knows the shells, and completes a command that is begun', async () => {
    assert.deepEqual(await COMPLETE.bash('image-cache completion '), ['bash', 'fish', 'zsh']);
    assert.deepEqual(await COMPLETE.bash('image-cache wa'), ['warm', 'watch']);
    assert.deepEqual(await COMPLETE.bash('image-cache wat'), ['watch']);
    assert.deepEqual(await COMPLETE.bash('image-cache --json watch --until'), ['--until-idle']);
  });

  it('is quietly nothing after two seconds, where the service does not answer', async () => {
    const mute = await startStandIn();
    const { IMAGE_CACHE_URL: usual = '' } = env;
    env.IMAGE_CACHE_URL = mute.origin;
    assert.deepEqual(await COMPLETE.bash('image-cache remove u'), []);
    env.IMAGE_CACHE_URL = usual;
    await mute.close();
  });
});

describe('image-cache on a terminal', { skip: requireTools('script') }, () => {
  it('interrupted with Ctrl-C, leaves the terminal as it was and is 130', async () => {
    service.answer = ({ url }, response) =>
      send(response, 200, { images: url.startsWith('/api/runs') ? [view('a:1', 'pending')] : [] });
    const child = spawn('script', ['-qec', `stty cols 60; image-cache watch`, '/dev/null'], {
      env: { ...process.env, ...env, TERM: 'xterm' },
    });
    let said = '';
    let interrupted = false;
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (interrupted || !said.includes('starting')) return;
      interrupted = true;
      child.stdin.write('\x03');
    });
    const [code] = (await once(child, 'close')) as [number];
    assert.equal(code, 130, said);
    assert.ok(said.indexOf('\x1b[?25l') < said.lastIndexOf('\x1b[?25h'), JSON.stringify(said));
    assert.ok(said.trimEnd().endsWith('\x1b[?25h'), JSON.stringify(said));
  });

  it('ends quietly where who reads its answers has gone', async () => {
    const many = Array.from({ length: 5000 }, (_, at) => view(`image-with-a-name:${at}`, 'ready'));
    service.answer = (_, response) => send(response, 200, { images: many });
    const script = 'image-cache list | head -n 1; echo "${PIPESTATUS[0]}"';
    const { stdout, stderr } = await run(['bash', '-c', script], { env });
    assert.match(stdout, /^IMAGE .*\n141\n$/);
    assert.equal(stderr, '');
  });

  it('terminated, is 143', async () => {
    service.answer = () => child.kill('SIGTERM');
    const child = spawn(path.join(folder, 'image-cache'), ['list'], { env: { ...process.env, ...env } });
    assert.deepEqual(await once(child, 'close'), [143, null]);
  });
});
