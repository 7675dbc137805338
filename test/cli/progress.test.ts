import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, it } from 'node:test';
import { ProgressDisplay, type ProgressLine } from '../../src/cli/progress.ts';

/** A stream that is a terminal, or is none, and what was written to it. */
function stream(terminal?: { readonly columns: number }): Writable & { readonly said: () => string } {
  let said = '';
  const out = new Writable({
    write(chunk: Buffer, _encoding, done) {
      said += chunk.toString();
      done();
    },
  });
  return Object.assign(out, terminal && { isTTY: true, ...terminal }, { said: () => said });
}

const copying = (label: string, stagedBytes: number): ProgressLine => ({
  label,
  state: 'pending',
  progress: { phase: 'copying', stagedBytes, totalBytes: 1000 },
});

describe('progress on a terminal', () => {
  it('is a bar for each image, drawn again in its place', () => {
    const out = stream({ columns: 120 });
    const display = new ProgressDisplay(out);
    display.show([copying('a', 0), copying('b', 500)]);
    const first = out.said();
    assert.ok(!first.includes('A\x1b'), 'there is nothing to go up over yet');
    assert.equal(
      first,
      `\x1b[2K${'░'.repeat(28)} a  copying 0 B of 1000 B (0 %)\n` +
        `\x1b[2K${'█'.repeat(14)}${'░'.repeat(14)} b  copying 500 B of 1000 B (50 %)\n`,
    );
    display.show([
      { label: 'a', state: 'ready' },
      { label: 'b', state: 'failed' },
    ]);
    assert.equal(
      out.said().slice(first.length),
      `\x1b[2A\x1b[2K${'█'.repeat(28)} a  ready\n\x1b[2K✗${' '.repeat(27)} b  failed\n`,
    );
  });

  it('never breaks a line, which would leave it standing', () => {
    const out = stream({ columns: 40 });
    new ProgressDisplay(out).show([copying('a-very-long-name-of-an-image'.repeat(3), 10)]);
    for (const line of out.said().replaceAll('\x1b[2K', '').split('\n')) assert.ok(line.length < 40, line);
  });
});

describe('progress elsewhere', () => {
  it('is a plain line whenever an image has moved on by a tenth', () => {
    const out = stream();
    const display = new ProgressDisplay(out);
    for (let staged = 0; staged <= 1000; staged += 10) display.show([copying('a', staged)]);
    display.show([{ label: 'a', state: 'ready' }]);
    display.show([{ label: 'a', state: 'ready' }]);
    const lines = out.said().trimEnd().split('\n');
    assert.equal(lines.length, 12);
    assert.equal(lines[0], 'a: copying 0 B of 1000 B (0 %)');
    assert.equal(lines[1], 'a: copying 100 B of 1000 B (10 %)');
    assert.equal(lines.at(-1), 'a: ready');
    assert.ok(!out.said().includes('\x1b'));
  });

  it('says what it waits for, and how it starts', () => {
    const out = stream();
    const display = new ProgressDisplay(out);
    display.show([{ label: 'a', state: 'pending' }]);
    display.show([{ label: 'a', state: 'pending', progress: { phase: 'resolving' } }]);
    const until = '2026-03-01T12:00:45.000Z';
    const waiting = { code: 'registry_throttled', detail: 'Too much.', until } as const;
    display.show([{ label: 'a', state: 'pending', progress: { phase: 'waiting', waiting } }]);
    assert.equal(out.said(), 'a: starting\na: resolving\na: waiting until 12:00:45 UTC: Too much.\n');
  });
});
