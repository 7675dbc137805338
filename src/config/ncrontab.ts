interface Field {
  readonly least: number;
  readonly most: number;
  /** Stand for `least`, `least + 1`, … */
  readonly names?: readonly string[];
}

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const WEEKDAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];
const DAYS_IN_MONTH = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Second, minute, hour, day of the month, month, weekday. */
const FIELDS: readonly Field[] = [
  { least: 0, most: 59 },
  { least: 0, most: 59 },
  { least: 0, most: 23 },
  { least: 1, most: 31 },
  { least: 1, most: 12, names: MONTHS },
  { least: 0, most: 6, names: WEEKDAYS },
];

/**
 * Whether a timer function can have this schedule: NCRONTAB with six fields, and due at some time. A range that runs
 * backwards is refused, since NCRONTAB turns it round and `FRI-MON` would be Monday to Friday.
 * https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-expressions
 */
export function isNcrontab(text: string): boolean {
  const parts = text.split(/ +/);
  if (parts.length !== FIELDS.length) return false;
  const values = FIELDS.map((field, index) => fieldValues(parts[index] ?? '', field));
  if (!values.every((numbers) => numbers !== undefined)) return false;
  const [, , , days = [], months = []] = values;
  return months.some((month) => days.some((day) => day <= (DAYS_IN_MONTH[month - 1] ?? 0)));
}

/** The numbers that a field stands for; undefined where it is no field. */
function fieldValues(text: string, field: Field): number[] | undefined {
  const items = text.split(',').map((item) => itemValues(item, field));
  return items.every((item) => item !== undefined) ? items.flat() : undefined;
}

/** Of `*`, `5`, `1-5`, each with or without a step as in `*` + `/15`. */
function itemValues(text: string, field: Field): number[] | undefined {
  const [, range, from = '', to, step] = /^(\*|(\w+)(?:-(\w+))?)(?:\/([0-9]+))?$/.exec(text) ?? [];
  if (range === undefined) return undefined;
  const first = range === '*' ? field.least : numberOf(from, field);
  const end = to ?? (range === '*' || step !== undefined ? String(field.most) : from);
  const last = numberOf(end, field);
  const by = Number(step ?? 1);
  if (first === undefined || last === undefined || first > last || by < 1 || by > field.most)
    return undefined;
  return Array.from({ length: Math.floor((last - first) / by) + 1 }, (_, index) => first + index * by);
}

function numberOf(text: string, { least, most, names = [] }: Field): number | undefined {
  const named = names.indexOf(text.toUpperCase());
  const value = named >= 0 ? least + named : /^[0-9]{1,2}$/.test(text) ? Number(text) : NaN;
  return value >= least && value <= most ? value : undefined;
}
