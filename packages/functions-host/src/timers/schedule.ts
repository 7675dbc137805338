/** When a timer function is due: an NCRONTAB expression of five or six fields, or a time span `hh:mm:ss`. Times are UTC. */

export interface Schedule {
  /** The first time after `after`. */
  next(after: Date): Date;
  /** True for a cron expression; the Timer object shows it. */
  readonly adjustForDST: boolean;
}

/** Throws with the reason when the expression is not valid. */
export function parseSchedule(expression: string): Schedule {
  const span = /^(?:(\d+)\.)?(\d+):([0-5]?\d):([0-5]?\d)$/.exec(expression.trim());
  if (span !== null) {
    const [days = 0, hours = 0, minutes = 0, seconds = 0] = span
      .slice(1)
      .map((digits) => Number(digits || 0));
    const interval = (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000;
    if (interval === 0) throw new Error(`The schedule '${expression}' is a time span of zero.`);
    return { adjustForDST: false, next: (after) => new Date(after.getTime() + interval) };
  }
  const fields = expression.trim().split(/\s+/);
  if (fields.length === 5) fields.unshift('0');
  if (fields.length !== 6)
    throw new Error(`The schedule '${expression}' needs five or six fields, or to be a time span.`);
  const [seconds, minutes, hours, days, months, weekdays] = fields.map((text, index) =>
    parseField(text, index, expression),
  );
  if (!seconds || !minutes || !hours || !days || !months || !weekdays)
    throw new Error(`Cannot read the schedule '${expression}'.`);
  return {
    adjustForDST: true,
    next: (after) => nextTime({ seconds, minutes, hours, days, months, weekdays }, after, expression),
  };
}

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const WEEKDAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];
const FIELDS: readonly { readonly min: number; readonly max: number; readonly names?: readonly string[] }[] =
  [
    { min: 0, max: 59 },
    { min: 0, max: 59 },
    { min: 0, max: 23 },
    { min: 1, max: 31 },
    { min: 1, max: 12, names: MONTHS },
    { min: 0, max: 6, names: WEEKDAYS },
  ];

function parseField(text: string, index: number, expression: string): Set<number> {
  const { min = 0, max = 0, names = [] } = FIELDS[index] ?? {};
  const bad = (): never => {
    throw new Error(`The schedule '${expression}' has a field that is not valid: '${text}'.`);
  };
  const number = (part: string): number => {
    const named = names.findIndex((name) => part.toUpperCase().startsWith(name));
    const value = named >= 0 ? named + min : /^\d+$/.test(part) ? Number(part) : NaN;
    return value >= min && value <= max ? value : bad();
  };
  const values = new Set<number>();
  for (const item of text.split(',')) {
    const [range = '', stepText] = item.split('/');
    const step = stepText === undefined ? 1 : Number(stepText);
    if (!Number.isInteger(step) || step < 1) bad();
    const [from = '', to] = range.split('-');
    const first = range === '*' ? min : number(from);
    const last = range === '*' || (to === undefined && stepText !== undefined) ? max : number(to ?? from);
    if (first > last) bad();
    for (let value = first; value <= last; value += step) values.add(value);
  }
  return values;
}

interface Times {
  readonly seconds: Set<number>;
  readonly minutes: Set<number>;
  readonly hours: Set<number>;
  readonly days: Set<number>;
  readonly months: Set<number>;
  readonly weekdays: Set<number>;
}

/** Steps over whole months, days, hours and minutes that do not match, then second by second. */
function nextTime(times: Times, after: Date, expression: string): Date {
  let time = new Date(Math.floor(after.getTime() / 1000) * 1000 + 1000);
  const limit = time.getUTCFullYear() + 30;
  while (time.getUTCFullYear() < limit) {
    const [year, month, day, hour, minute] = [
      time.getUTCFullYear(),
      time.getUTCMonth(),
      time.getUTCDate(),
      time.getUTCHours(),
      time.getUTCMinutes(),
    ];
    if (!times.months.has(month + 1)) time = new Date(Date.UTC(year, month + 1));
    else if (!times.days.has(day) || !times.weekdays.has(time.getUTCDay()))
      time = new Date(Date.UTC(year, month, day + 1));
    else if (!times.hours.has(hour)) time = new Date(Date.UTC(year, month, day, hour + 1));
    else if (!times.minutes.has(minute)) time = new Date(Date.UTC(year, month, day, hour, minute + 1));
    else if (!times.seconds.has(time.getUTCSeconds())) time = new Date(time.getTime() + 1000);
    else return time;
  }
  throw new Error(`The schedule '${expression}' is never due.`);
}
