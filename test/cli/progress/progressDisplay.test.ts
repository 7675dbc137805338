import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ProgressDisplay } from '../../../src/cli/progress/progressDisplay.ts';
import { barLine, describeProgress, type ImageProgress } from '../../../src/cli/progress/progressLine.ts';
import { displayWidth } from '../../../src/cli/terminalText.ts';
import { TransferRate } from '../../../src/cli/progress/transferRate.ts';
import { stream } from '../support/commands.ts';

const NOW = Date.parse('2026-03-01T12:00:00.000Z');
const UP = (rows: number): string => `\x1b[${rows}A\r\x1b[J`;

const copying = (label: string, stagedBytes: number, rate?: TransferRate): ImageProgress => ({
  label,
  progress: { phase: 'copying', stagedBytes, totalBytes: 1000 },
  rate,
});

describe('progress on a terminal', () => {
  it('is a bar for each image, drawn again in its place, below what was said', () => {
    const out = stream({ columns: 120 });
    const display = new ProgressDisplay(out);
    display.show([copying('a', 0), copying('b', 500)], NOW);
    const first = out.said();
    const a = `${'░'.repeat(28)} a  copying 0 B of 1000 B (0 %)\n`;
    const b = `${'█'.repeat(14)}${'░'.repeat(14)} b  copying 500 B of 1000 B (50 %)\n`;
    assert.equal(first, `\x1b[?25l${a}${b}`);
    display.say('c failed');
    assert.equal(out.said().slice(first.length), `${UP(2)}c failed\n${a}${b}`);
    display.close();
    assert.ok(out.said().endsWith(`${UP(2)}\x1b[?25h`), 'the bars are gone, and the cursor is back');
    const closed = out.said();
    display.close();
    assert.equal(out.said(), closed);
  });

  for (const columns of [1, 5, 20, 40, 60, 80, 120]) {
    it(`never breaks a line on ${columns} columns, which would leave it standing`, () => {
      const rate = new TransferRate();
      rate.add(0, 0);
      rate.add(2000, 10);
      for (const label of ['a-very-long-name-of-an-image'.repeat(3), '鏡像'.repeat(30), 'a']) {
        const line = barLine(copying(label, 10, rate), columns, NOW);
        assert.ok(displayWidth(line) <= columns, line);
      }
    });
  }

  it('keeps what is being done on a narrow terminal, and shortens the name', () => {
    assert.equal(
      barLine(copying('ghcr.io/some/image:1', 500), 44, NOW),
      'ghcr.io/som…  copying 500 B of 1000 B (50 %)',
    );
  });

  it('goes up over the lines that a terminal broke as it became narrower', () => {
    const out = Object.assign(stream({ columns: 100 }), { columns: 100 });
    const display = new ProgressDisplay(out);
    display.show([copying('a', 0)], NOW);
    out.columns = 30;
    display.show([copying('a', 0)], NOW);
    assert.ok(out.said().includes(UP(2)), JSON.stringify(out.said()));
  });

  it('is no taller than the screen', () => {
    const out = stream({ columns: 100, rows: 6 });
    new ProgressDisplay(out).show(
      Array.from({ length: 9 }, (_, at) => copying(`i${at}`, 0)),
      NOW,
    );
    const lines = out.said().trimEnd().split('\n');
    assert.equal(lines.length, 4);
    assert.equal(lines.at(-1), '… and 6 more');
  });

  it('is as on a usual one where nobody said how large the terminal is', () => {
    const out = stream({ columns: 0, rows: 0 });
    new ProgressDisplay(out).show([{ label: 'team/app:1' }, { label: 'team/app:2' }], 0);
    assert.match(out.said(), /team\/app:1 .*starting\n.*team\/app:2 .*starting\n/);
  });

  it('is plain lines where the terminal is dumb', () => {
    const out = stream({ columns: 100 });
    const display = new ProgressDisplay(out, { TERM: 'dumb' });
    display.show([copying('a', 0)], NOW);
    display.close();
    assert.equal(out.said(), 'a: copying 0 B of 1000 B (0 %)\n');
  });
});

describe('progress elsewhere', () => {
  it('is a plain line whenever an image has moved on by a tenth', () => {
    const out = stream();
    const display = new ProgressDisplay(out);
    for (let staged = 0; staged <= 1000; staged += 10) display.show([copying('a', staged)], NOW);
    display.close();
    const lines = out.said().trimEnd().split('\n');
    assert.equal(lines.length, 11);
    assert.equal(lines[0], 'a: copying 0 B of 1000 B (0 %)');
    assert.equal(lines[1], 'a: copying 100 B of 1000 B (10 %)');
    assert.ok(!out.said().includes('\x1b'));
  });

  it('is a line a minute where little moves', () => {
    const out = stream();
    const display = new ProgressDisplay(out);
    for (let second = 0; second < 180; second++) display.show([copying('a', second)], NOW + second * 1000);
    assert.equal(out.said().trimEnd().split('\n').length, 3 + 1, 'at 0, 60 and 120 s, and at 10 %');
  });

  it('says what it waits for, until when, and how it starts', () => {
    const out = stream();
    const display = new ProgressDisplay(out);
    const waiting = {
      code: 'registry_throttled' as const,
      detail: 'Too much.',
      until: '2026-03-01T12:01:20.000Z',
    };
    display.show([{ label: 'a' }], NOW);
    display.show([{ label: 'a', progress: { phase: 'resolving' } }], NOW);
    display.show([{ label: 'a', progress: { phase: 'waiting', waiting } }], NOW);
    assert.equal(
      out.said(),
      'a: starting\na: resolving\na: waiting until 12:01:20 UTC (1 min 20 s): Too much.\n',
    );
  });

  it('is not misled by a time that is none, or has passed', () => {
    const waiting = (until: string): string =>
      describeProgress(
        {
          label: 'a',
          progress: { phase: 'waiting', waiting: { code: 'registry_throttled', detail: 'No.', until } },
        },
        NOW,
      );
    assert.equal(waiting('soon'), 'waiting: No.');
    assert.equal(waiting('2026-03-01T11:59:59Z'), 'waiting until 11:59:59 UTC: No.');
  });
});

describe('rate and time left', () => {
  it('stand behind what is there', () => {
    const rate = new TransferRate();
    rate.add(0, 0);
    rate.add(2000, 200);
    assert.equal(
      describeProgress(copying('a', 200, rate), NOW),
      'copying 200 B of 1000 B (20 %), 100 B/s, 8 s left',
    );
  });

  it('leave the time out where nothing moves', () => {
    const rate = new TransferRate();
    rate.add(0, 200);
    rate.add(20_000, 200);
    assert.equal(describeProgress(copying('a', 200, rate), NOW), 'copying 200 B of 1000 B (20 %), 0 B/s');
  });
});
