import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { glob, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import manifest from '../package.json' with { type: 'json' };

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGES = ['*.md', '{docs,node,bench,infra}/*.md', 'packages/*/*.md'];
/** So that a terminal can show a page, its tables included. */
const MAX_LINE = 120;

for await (const name of glob(PAGES, { cwd: ROOT })) {
  const text = await readFile(path.join(ROOT, name), 'utf8');
  describe(name, () => {
    it(`has no line of more than ${MAX_LINE} characters`, () => {
      const long = text.split('\n').filter((line) => line.length > MAX_LINE);
      assert.deepEqual(long, []);
    });

    it('links to files that are there', () => {
      const links = [...text.matchAll(/\]\((?!https?:)([^)#\s]+)/g)].map(([, link = '']) => link);
      const missing = links.filter((link) => !existsSync(path.join(ROOT, path.dirname(name), link)));
      assert.deepEqual(missing, []);
    });

    it('names scripts that there are', () => {
      const names = [...text.matchAll(/npm run (?:-s )?([a-z][\w:-]*)/g)].map(([, script = '']) => script);
      assert.deepEqual(
        names.filter((script) => !Object.hasOwn(manifest.scripts, script)),
        [],
      );
    });
  });
}

describe('docs/security.md', async () => {
  const text = await readFile(path.join(ROOT, 'docs/security.md'), 'utf8');
  // The last column of a threat's table, in which a row may go on with an empty first one.
  const tables = text.split(/^\| threat .*$/m).slice(1);
  const rows = tables.flatMap((table) =>
    (/^(?:\|.*\n)+/m.exec(table)?.[0] ?? '').trim().split('\n').slice(1),
  );
  const cells = rows.map((row) => row.split('|').map((cell) => cell.trim()));

  it('has a table for each of those it is about', () => {
    assert.deepEqual(
      [...text.matchAll(/^## The (.*)$/gm)].map(([, name]) => name),
      ['caller', 'registry', "image's author", 'node', 'network', 'operator'],
    );
    assert.equal(tables.length, 6);
  });

  it('names tests that there are', () => {
    const names = cells.flatMap(([, , , tests = '']) =>
      [...tests.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
    );
    assert.ok(names.length > 60, `${names.length} were found`);
    assert.deepEqual(
      names.filter((name) => !existsSync(path.join(ROOT, `test/${name ?? ''}.test.ts`))),
      [],
    );
  });
});
