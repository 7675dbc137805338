/** Makes two runs comparable: what differs from run to run is replaced by what it is. */

const DATE = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)/g;
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[0-9a-f]{32}\b/g;
/** Lines of a stack, JavaScript or .NET, however often the text was put into JSON. */
const STACK_LINES = /(?:\\+n|\n)? {3,}at [^"\\\n]*/g;
const KEPT_DATES = /^(2023-11-14|2024-05-06|2020-|2099-|0001-)/;

/** Ids are numbered in the order of their appearance, so that the same id stays the same. Object keys too. */
export function normaliser(): <T>(value: T) => T {
  const ids = new Map<string, string>();
  const name = (id: string): string => {
    const known = ids.get(id) ?? `<${id.includes('-') ? 'uuid' : 'hex'} ${ids.size + 1}>`;
    ids.set(id, known);
    return known;
  };
  const text = (value: string): string =>
    value
      .replace(STACK_LINES, '')
      .replace(UUID, name)
      .replace(DATE, (date) => (KEPT_DATES.test(date) ? date : '<date>'))
      .replace(/(127\.0\.0\.1|localhost):\d+/g, '<host>');
  const walk = (value: unknown): unknown => {
    if (typeof value === 'string') return text(value);
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [text(key), walk(member)]));
  };
  return <T>(value: T): T => walk(value) as T;
}
