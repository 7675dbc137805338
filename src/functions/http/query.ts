import type { HttpRequest } from '@azure/functions';
import type * as z from 'zod/mini';
import { safeParse } from 'zod/mini';
import { CacheError } from '../../errors.ts';
import { printable } from '../../image/printable.ts';

/** Where Functions looks for a key that is in no header; its own, and no call's. */
const KEY_PARAMETERS: ReadonlySet<string> = new Set(['code', 'clientId']);

/** A query value; an empty one counts as missing. */
export function query(request: Pick<HttpRequest, 'query'>, name: string): string | undefined {
  const value = request.query.get(name);
  return value === null || value === '' ? undefined : value;
}

/**
 * A call's parameters, as its schema of src/api/queries.ts has them. What the schema does not know is refused, since
 * a misspelt `platform` would be another image and a misspelt `dryRun` no rehearsal; and so is what is given twice,
 * since nobody could tell which of both counts. What is empty counts as missing, but for a yes or no: `dryRun=` is what
 * a shell makes of a variable that is not set, and no wish to delete.
 * @throws {CacheError} invalid_request, naming the parameter and what it takes
 */
export function readQuery<Schema extends z.ZodMiniObject>(
  request: Pick<HttpRequest, 'query'>,
  schema: Schema,
): z.output<Schema> {
  const values: Record<string, string | number | boolean> = {};
  for (const name of new Set(request.query.keys())) {
    if (KEY_PARAMETERS.has(name)) continue;
    if (!Object.hasOwn(schema.shape, name)) {
      const known = Object.keys(schema.shape).join(', ');
      throw wrong(`The query's "${printable(name, 50)}" is not known to this call, which takes ${known}.`);
    }
    if (request.query.getAll(name).length > 1)
      throw wrong(`The query has ${name} more than once. Give it once.`);
    const text = request.query.get(name) ?? '';
    const type = typeOf(schema.shape[name]);
    if (text !== '' || type === 'boolean') values[name] = typed(text, type);
  }
  const result = safeParse(schema, values);
  if (result.success) return result.data;
  throw wrong(result.error.issues[0]?.message ?? 'The query is not valid.');
}

/**
 * A query is text only. What is no number or truth value as its schema wants it stays text, which the schema refuses as
 * it was sent: `0x10` and `1e2`, which Number would read, and `yes`.
 */
function typed(text: string, type: string): string | number | boolean {
  if (type === 'number' && /^[0-9]{1,9}$/.test(text)) return Number(text);
  if (type === 'boolean' && /^(true|false)$/.test(text)) return text === 'true';
  return text;
}

/** Without what makes it optional. */
function typeOf(schema: z.core.$ZodType | undefined): string {
  let { def } = (schema as z.core.$ZodTypes)._zod;
  while ('innerType' in def) ({ def } = (def.innerType as z.core.$ZodTypes)._zod);
  return def.type;
}

function wrong(why: string): CacheError {
  return new CacheError('invalid_request', why);
}
