import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { environmentLines } from '../../../src/functions/http/environmentLines.ts';
import { must, removeDirectory, temporaryDirectory } from '../../support/process.ts';
import { requireTools } from '../../support/tools.ts';
import { anyText } from '../../support/anyText.ts';

const body = (value: object): string => {
  const answer = environmentLines(200, value, {});
  assert.equal(typeof answer.body, 'string');
  return answer.body as string;
};

describe('lines for a shell', () => {
  it('name members in capitals, nested ones by their path, a list as one value', () => {
    assert.equal(
      body({
        state: 'pending',
        runRef: 'x:1',
        progress: { stagedBytes: 1, waiting: { code: 'registry_throttled' } },
        stale: true,
        ranges: ['0-1', '5-9'],
        none: [],
      }),
      [
        "STATE='pending'",
        "RUN_REF='x:1'",
        "PROGRESS_STAGED_BYTES='1'",
        "PROGRESS_WAITING_CODE='registry_throttled'",
        "STALE='true'",
        "RANGES='0-1 5-9'",
        "NONE=''",
        '',
      ].join('\n'),
    );
  });

  it('carry the status and what else an answer needs', () => {
    const { status, headers } = environmentLines(202, {}, { 'Retry-After': '5' });
    assert.deepEqual(
      [status, headers],
      [202, { 'Content-Type': 'text/plain; charset=utf-8', 'Retry-After': '5' }],
    );
  });

  describe('in a real sh', { skip: requireTools('sh') }, () => {
    let directory: string;
    before(async () => (directory = await temporaryDirectory('env')));
    after(() => removeDirectory(directory));

    /** What each variable holds once the lines were sourced; fails where anything was run or said. */
    async function sourced(values: Readonly<Record<string, string>>): Promise<string[]> {
      const file = path.join(directory, 'answer.env');
      await writeFile(file, body(values));
      const names = Object.keys(values).map((name) => name.toUpperCase());
      const script = `set -eu; . ${file}; ${names.map((name) => `printf '%s\\0' "$${name}"`).join('; ')}`;
      const output = await must(['sh', '-c', script], { env: { PWNED: 'no' } });
      assert.equal(await must(['ls', directory]), 'answer.env\n');
      return output.split('\0').slice(0, -1);
    }

    it('are values and nothing else, however hostile', async () => {
      const file = path.join(directory, 'pwned');
      const hostile = [
        "it's",
        "'; touch " + file + "; '",
        `$(touch ${file})`,
        '`touch ' + file + '`',
        '${PWNED}',
        '"double" \\backslash \\\' $HOME !! * ~ # & | ; < >',
        '\u001b[31m red',
        'grüße 🐋',
        '',
        ' blanks ',
        '-n',
      ];
      const values = Object.fromEntries(hostile.map((text, index) => [`v${index}`, text]));
      assert.deepEqual(await sourced(values), hostile);
    });

    it('stay one line each: a line break becomes a blank', async () => {
      const values = { a: 'one\ntwo', b: "x\r\n'; touch pwned\n'", c: '\n' };
      assert.equal(body(values).split('\n').length, 4);
      assert.deepEqual(await sourced(values), ['one two', "x '; touch pwned '", ' ']);
    });

    it('give back any text', async () => {
      const text = anyText(40).filter((value) => !/[\0\r\n]/.test(value));
      await fc.assert(
        fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 40 }), async (texts) => {
          const values = Object.fromEntries(texts.map((value, index) => [`v${index}`, value]));
          assert.deepEqual(await sourced(values), texts);
        }),
        { numRuns: 4 },
      );
    });
  });
});
