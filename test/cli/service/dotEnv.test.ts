import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseDotEnv } from '../../../src/cli/service/dotEnv.ts';
import { anyText } from '../../support/anyText.ts';

const parsed = (text: string): Record<string, string> => Object.fromEntries(parseDotEnv(text));

/** As azd writes a value: godotenv's `Marshal`. */
function marshalled(value: string): string {
  const escaped = value
    .replace(/["\\!$`]/g, '\\$&')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r');
  return `"${escaped}"`;
}

describe('.env', () => {
  it('is read as azd writes it, whatever the value', () => {
    fc.assert(
      fc.property(fc.array(anyText()), (values) => {
        const text = values.map((each, at) => `V_${at}=${marshalled(each)}`).join('\n');
        assert.deepEqual(Object.values(parsed(text)), values);
      }),
    );
  });

  for (const [what, text, variables] of [
    ['nothing', '', {}],
    ['a number', 'A=7\n', { A: '7' }],
    ['no quotes, blanks and a comment', '  export A = x y  # no\n#B=1\n\nC=a#b', { A: 'x y', C: 'a#b' }],
    ['single quotes, which escape nothing', "A='x\\n\"y' # no\n", { A: 'x\\n"y' }],
    ['quotes over several lines', 'A="x\ny=1"\nB=\'\n\'\n', { A: 'x\ny=1', B: '\n' }],
    ['ends of lines as on Windows, and a byte order mark', '\ufeffA="1"\r\nB=2\r\n', { A: '1', B: '2' }],
    ['an empty value', 'A=\nB=""\n', { A: '', B: '' }],
    ['the same name twice: the last', 'A=1\nA=2\n', { A: '2' }],
    ['a variable that is not expanded', 'A="\\$HOME $HOME"', { A: '$HOME $HOME' }],
  ] as const) {
    it(`can have ${what}`, () => assert.deepEqual(parsed(text), variables));
  }

  for (const [what, text, line] of [
    ['no value', 'A=1\nB\n', 2],
    ['a quote that is not closed', 'A=1\n\nB="x\ny\n', 3],
    ['text behind a quote', 'A="x" y\n', 1],
    ['a name that is none', '1A=x\n', 1],
  ] as const) {
    it(`cannot have ${what}, and the line is named`, () => {
      assert.throws(() => parseDotEnv(text), new SyntaxError(`line ${line} is not NAME="value"`));
    });
  }
});
