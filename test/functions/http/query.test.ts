import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CatalogueQuery, LookupQuery, PruneQuery, RunsQuery } from '../../../src/api/queries.ts';
import { readQuery } from '../../../src/functions/http/query.ts';

const query = (text: string) => ({ query: new URLSearchParams(text) });
const lookup = (text: string) => readQuery(query(text), LookupQuery);

describe("a call's query", () => {
  it('is read as the schema has it, with what it says of what is not given', () => {
    assert.deepEqual(lookup('image=ubuntu'), { image: 'ubuntu', format: 'json', wait: 0, use: true });
    assert.deepEqual(lookup('image=a&platform=arm64&format=env&wait=007'), {
      ...{ image: 'a', platform: 'arm64', format: 'env', wait: 7, use: true },
    });
    assert.deepEqual(readQuery(query(''), CatalogueQuery), { limit: 100 });
  });

  it('takes what is empty as not given', () => {
    assert.deepEqual(lookup('image=a&platform=&wait=&format='), {
      image: 'a',
      format: 'json',
      wait: 0,
      use: true,
    });
    assert.throws(() => lookup('image='), { message: /The query has no image. Write/ });
  });

  it('may hold the key that Functions reads', () => {
    assert.equal(lookup('code=secret&clientId=default&image=a').image, 'a');
  });

  for (const [what, text, says] of [
    [
      'is not known',
      'image=a&plattform=arm64',
      /"plattform" is not known.*takes image, platform, format, wait/,
    ],
    ['is written otherwise', 'Image=a', /"Image" is not known/],
    ["is an object's own", 'image=a&constructor=x&__proto__=y', /"constructor" is not known/],
    ['has no name', 'image=a&=x', /"" is not known/],
    ['cannot be printed', 'image=a&%00%ff=x', /"\?\?" is not known/],
    ['is given twice', 'image=a&image=b', /image more than once/],
    ['is given twice, the same', 'image=a&wait=1&wait=1', /wait more than once/],
    ['is no number', 'image=a&wait=0x10', /wait is "0x10"; it must be a whole number from 0 to 120/],
    ['is a number of another kind', 'image=a&wait=1e1', /wait is "1e1"/],
    ['is negative', 'image=a&wait=-1', /wait is "-1"/],
    ['is enormous', `image=a&wait=${'9'.repeat(400)}`, /wait is "9{50}"/],
    ['is out of its range', 'image=a&wait=121', /wait is "121"; it must be a whole number from 0 to 120/],
  ] as const) {
    it(`with a parameter that ${what} is refused with a sentence that helps`, () => {
      assert.throws(() => lookup(text), { code: 'invalid_request', message: says });
    });
  }

  it('is a rehearsal or not, and nothing between', () => {
    const dryRun = (text: string) => readQuery(query(text), PruneQuery).dryRun;
    assert.deepEqual(['', 'dryRun=true', 'dryRun=false'].map(dryRun), [false, true, false]);
    // As a shell writes it where a variable is not set.
    for (const text of ['', '1', 'yes', 'TRUE'])
      assert.throws(() => dryRun(`dryRun=${text}`), {
        message: new RegExp(`dryRun is "${text}"; it must be true`),
      });
    assert.throws(() => dryRun('dryrun=true'), { message: /"dryrun" is not known/ });
  });

  it('is one of some words', () => {
    assert.equal(readQuery(query('state=failed'), RunsQuery).state, 'failed');
    assert.throws(() => readQuery(query('state=ready'), RunsQuery), {
      message: 'state is "ready"; it must be pending or failed.',
    });
  });

  it('with a prefix that no name can have is refused', () => {
    assert.throws(() => readQuery(query(`prefix=${'a'.repeat(1025)}`), CatalogueQuery), {
      message: /more than 1024 characters/,
    });
  });
});
