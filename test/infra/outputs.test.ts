import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { readSnapshot } from './support/snapshot.ts';

const pages = ['README.md', ...globSync('{docs,infra}/*.md')]
  .map((file) => readFileSync(file, 'utf8'))
  .join('\n');
const outputs = Object.keys(readSnapshot('main').outputs);

describe('outputs', () => {
  for (const name of outputs)
    it(`${name} is of use to somebody: a page says what for`, () =>
      assert.match(pages, new RegExp(`\\b${name}\\b`)));

  it('that a page asks azd for are there', () => {
    const asked = [...pages.matchAll(/azd env get-value ([A-Z_]+)/g)].map(([, name = '']) => name);
    assert.notDeepEqual(asked, []);
    assert.deepEqual(
      asked.filter((name) => !outputs.includes(name)),
      [],
    );
  });
});

describe('main.bicepparam', () => {
  const text = readFileSync('infra/main.bicepparam', 'utf8');
  const variables = new Set(
    [...text.matchAll(/readEnvironmentVariable\('(\w+)'/g)].map(([, name = '']) => name),
  );
  const readme = readFileSync('infra/README.md', 'utf8');

  for (const name of variables)
    it(`${name} is described in infra/README.md`, () => assert.ok(readme.includes(`\`${name}\``)));

  it('reads what infra/README.md tells people to set', () => {
    const told = [...readme.matchAll(/azd env set (?!NAME )([A-Z_]+)/g)].map(([, name = '']) => name);
    assert.notDeepEqual(told, []);
    assert.deepEqual(
      told.filter((name) => !variables.has(name)),
      [],
    );
  });
});

describe('parameters of main.bicep', () => {
  const text = readFileSync('infra/main.bicep', 'utf8');
  const readme = readFileSync('infra/README.md', 'utf8');
  for (const [, name = ''] of text.matchAll(/^param (\w+)/gm))
    it(`${name} is described in infra/README.md`, () => assert.ok(readme.includes(`\`${name}\``)));
});
