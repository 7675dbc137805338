/** When a timer function is due: an NCRONTAB expression of five or six fields, or a time span `hh:mm:ss`. Times are UTC. */
import { Cron } from 'croner';

export interface Schedule {
  /** The first time after `after`. Throws when there is none. */
  next(after: Date): Date;
  /** True for a cron expression; the Timer object shows it. */
  readonly adjustForDST: boolean;
}

/** Throws with the reason when the expression is not valid. */
export function parseSchedule(expression: string): Schedule {
  const text = expression.trim();
  const span = /^(?:(\d+)\.)?(\d+):([0-5]?\d):([0-5]?\d)$/.exec(text);
  if (span !== null) {
    const [days = 0, hours = 0, minutes = 0, seconds = 0] = span
      .slice(1)
      .map((digits) => Number(digits || 0));
    const interval = (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000;
    if (interval === 0) throw new Error(`The schedule '${expression}' is a time span of zero.`);
    return { adjustForDST: false, next: (after) => new Date(after.getTime() + interval) };
  }
  const cron = parseCron(text);
  return {
    adjustForDST: true,
    next: (after) => {
      const due = cron.nextRun(after);
      if (due === null) throw new Error(`The schedule '${expression}' is never due.`);
      return due;
    },
  };
}

/**
 * croner takes more than NCRONTAB does: years, dates, `@daily`, `?`, `L`, `W`, `#`, `+`, 7 for Sunday. A schedule with
 * one of these would fail on Azure, so it is refused here. Two things that NCRONTAB takes croner does not, and they are
 * refused as well: names of more than three letters, and steps longer than their field.
 */
function parseCron(text: string): Cron {
  const fields = text.split(/\s+/);
  const refuse = (why: string): Error => new Error(`The schedule '${text}' ${why}`);
  if (fields.length !== 5 && fields.length !== 6)
    throw refuse('needs five or six fields, or to be a time span.');
  const bad = fields.find((field, index) =>
    field.split(',').some((item) => !(index === fields.length - 1 ? WEEKDAYS : ITEM).test(item)),
  );
  if (bad !== undefined) throw refuse(`has a field that is not valid: '${bad}'.`);
  try {
    // Without domAndDow, a day of the month or one of the week would be enough. sloppyRanges: `3/6` is `3-23/6`.
    return new Cron(fields.join(' '), { timezone: 'UTC', domAndDow: true, sloppyRanges: true });
  } catch (error) {
    throw refuse(`is not valid: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const item = (value: string): RegExp => new RegExp(`^(?:\\*|(?:${value})(?:-(?:${value}))?)(?:/\\d+)?$`, 'i');
const ITEM = item('\\d+|[a-z]{3}');
const WEEKDAYS = item('[0-6]|[a-z]{3}');
