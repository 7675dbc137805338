import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseSchedule } from '../../src/timers/schedule.ts';

describe('A schedule', () => {
  const cases: readonly (readonly [expression: string, after: string, next: string])[] = [
    ['*/5 * * * * *', '2026-11-22T06:10:25.100Z', '2026-11-22T06:10:30.000Z'],
    ['0 */15 * * * *', '2026-11-22T06:45:00.000Z', '2026-11-22T07:00:00.000Z'],
    ['*/5 * * * *', '2026-11-22T06:10:25.000Z', '2026-11-22T06:15:00.000Z'],
    ['0 30 9 * * MON-FRI', '2026-11-20T09:30:00.000Z', '2026-11-23T09:30:00.000Z'],
    ['0 0 0 1 JAN,Jul *', '2026-11-22T00:00:00.000Z', '2027-01-01T00:00:00.000Z'],
    ['0 0 0 29 2 *', '2026-03-01T00:00:00.000Z', '2028-02-29T00:00:00.000Z'],
    ['0 0 3/6 * * *', '2026-11-22T09:00:00.000Z', '2026-11-22T15:00:00.000Z'],
    ['59 59 23 31 12 *', '2026-12-31T23:59:58.999Z', '2026-12-31T23:59:59.000Z'],
    // A day has to be right in the month and in the week.
    ['0 0 12 13 * FRI', '2026-11-22T00:00:00.000Z', '2027-08-13T12:00:00.000Z'],
    ['0 0 0 1-7,20 * 0,6', '2026-11-22T00:00:00.000Z', '2026-12-05T00:00:00.000Z'],
    ['0 10-30/10 * * * *', '2026-11-22T06:30:00.000Z', '2026-11-22T07:10:00.000Z'],
    ['00:00:07', '2026-11-22T06:10:25.151Z', '2026-11-22T06:10:32.151Z'],
    ['1.00:00:00', '2026-11-22T06:00:00.000Z', '2026-11-23T06:00:00.000Z'],
  ];
  for (const [expression, after, next] of cases) {
    it(`${expression} after ${after} is due at ${next}`, () => {
      assert.equal(parseSchedule(expression).next(new Date(after)).toISOString(), next);
    });
  }

  for (const expression of [
    '',
    '* * * *',
    '60 * * * * *',
    '0 0 24 * * *',
    '0 0 0 0 * *',
    '*/0 * * * * *',
    '5-1 * * * * *',
    'x * * * * *',
    // What only other kinds of cron have.
    '@daily',
    '0 0 0 1 1 * 2030',
    '2030-01-01T00:00:00',
    '0 0 0 ? * *',
    '0 0 0 L * *',
    '0 0 0 15W * *',
    '0 0 0 * * FRI#2',
    '0 0 0 * * FRIL',
    '0 0 0 1 * +FRI',
    '0 0 0 * * 7',
    '/5 * * * * *',
    // What NCRONTAB has, and this host does not.
    '0 0 0 * * Monday',
    '*/90 * * * * *',
    '00:00:00',
  ]) {
    it(`'${expression}' is refused`, () => {
      assert.throws(() => parseSchedule(expression), /schedule/);
    });
  }

  it('that no date matches is refused when it is asked for', () => {
    assert.throws(() => parseSchedule('0 0 0 30 2 *').next(new Date()), /never due/);
  });
});
