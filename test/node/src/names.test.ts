import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { PARTS_FOLDER } from '../support/part.ts';

/** Names that a line of shell gives a value to. */
function assigned(line: string): string[] {
  const code = line.replace(/'[^']*'|"[^"]*"/g, 'TEXT').replace(/(^|\s)#.*/, '');
  const commands = code.split(/[;({]|&&|\|\||\bthen\b|\bdo\b|\belse\b/);
  const assignments = commands.map((command) => /^\s*((?:[A-Za-z_]\w*=\S*\s*)*)/.exec(command)?.[1] ?? '');
  return [
    ...assignments.flatMap((text) => [...text.matchAll(/(?:^|\s)(\w+)=/g)].map(([, name]) => name ?? '')),
    ...[...code.matchAll(/\bfor ([A-Za-z_]\w*)(?= in|;)/g)].map(([, name]) => name ?? ''),
    ...[...code.matchAll(/\bread -r ((?:[A-Za-z_]\w* ?)+)/g)].flatMap(([, names = '']) =>
      names.trim().split(' '),
    ),
  ].filter((name) => name !== '_');
}

/** Each assignment of a part, with the function it is in. */
function* assignments(text: string): Generator<{ name: string; inside: string | undefined }> {
  let inside: string | undefined;
  for (const line of text.split('\n')) {
    inside = /^(\w+)\(\)/.exec(line)?.[1] ?? inside;
    for (const name of assigned(line)) yield { name, inside };
    if (line === '}' || /^\w+\(\).*\}$/.test(line)) inside = undefined;
  }
}

describe("the parts of the node's script", () => {
  const parts = readdirSync(PARTS_FOLDER).map((name) => ({
    name,
    text: readFileSync(PARTS_FOLDER + name, 'utf8'),
  }));

  for (const { name: part, text } of parts) {
    it(`${part} names each variable after its owner`, () => {
      for (const { name, inside } of assignments(text)) {
        // Of the environment of one command.
        if (name === 'WGETRC') continue;
        if (inside === undefined) assert.match(name, /^[A-Z][a-zA-Z]*[a-z][a-zA-Z]*$/, 'a constant');
        else if (/^[a-z]/.test(name)) assert.ok(name.startsWith(`${inside}_`), `${name} in ${inside}`);
        else assert.match(name, /^[A-Z][a-zA-Z]*[a-z][a-zA-Z]*$/, `${name} in ${inside}`);
      }
    });

    it(`${part} is short, says what it is about, and evaluates nothing`, () => {
      assert.ok(text.split('\n').length <= 150);
      assert.match(text, /^# (\w|-)+/);
      assert.doesNotMatch(text, /\beval\b/);
    });

    it(`${part} starts nothing when it is read`, () => {
      const outside = text
        .replace(/^\w+\(\) \{\n[^]*?^\}\n/gm, '')
        .replace(/^\w+\(\) \{.*\}\n/gm, '')
        .split('\n')
        .filter((line) => !/^(#.*|[A-Z]\w+=[\w-]+|)$/.test(line));
      assert.deepEqual(outside, []);
    });
  }

  it('give no variable to two functions, and no function to two parts', () => {
    const owners = new Map<string, string>();
    for (const { text } of parts) {
      for (const { name, inside = '' } of assignments(text)) {
        if (!/^[a-z]/.test(name)) continue;
        assert.equal(owners.get(name) ?? inside, inside, name);
        owners.set(name, inside);
      }
    }
    assert.ok(owners.size > 40);
    const functions = parts.flatMap(({ text }) => [...text.matchAll(/^(\w+)\(\)/gm)].map(([, name]) => name));
    assert.equal(new Set(functions).size, functions.length);
  });
});
