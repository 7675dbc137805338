import { SettingError } from '../errors.ts';
import { printable } from '../image/printable.ts';
import { isNcrontab } from './ncrontab.ts';

/** How one setting is read. What is wrong is thrown as a SettingError that names it, its value and what it takes. */

export type Environment = Readonly<Record<string, string | undefined>>;

export function text(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === '' ? undefined : value;
}

export interface Range {
  readonly least: number;
  readonly most: number;
}

export function number(
  env: Environment,
  name: string,
  fallback: number,
  range: Range,
  kind = 'a number',
): number {
  const value = text(env, name);
  if (value === undefined) return fallback;
  // As people write numbers: Number() takes 0x10 and Infinity too.
  const parsed = /^[0-9]+(\.[0-9]+)?(e[0-9]+)?$/i.test(value) ? Number(value) : NaN;
  const isRight = parsed >= range.least && parsed <= range.most;
  if (isRight && (kind === 'a number' || Number.isInteger(parsed))) return parsed;
  throw bad(name, value, `${kind} from ${range.least} to ${range.most}`);
}

export function wholeNumber(env: Environment, name: string, fallback: number, range: Range): number {
  return number(env, name, fallback, range, 'a whole number');
}

export function schedule(env: Environment, name: string, fallback: string): string {
  const value = text(env, name) ?? fallback;
  if (isNcrontab(value)) return value;
  throw bad(
    name,
    value,
    'an NCRONTAB expression of six fields (second, minute, hour, day, month, weekday from 0 for Sunday), such as 0 30 3 * * *',
  );
}

export function flag(env: Environment, name: string): boolean {
  const value = text(env, name) ?? 'false';
  if (value === 'true' || value === 'false') return value === 'true';
  throw bad(name, value, 'true or false');
}

export function optionalBytes(env: Environment, name: string): number | undefined {
  if (text(env, name) === undefined) return undefined;
  return wholeNumber(env, name, 0, { least: 1, most: Number.MAX_SAFE_INTEGER });
}

export function clientId(env: Environment, name: string): string | undefined {
  const value = text(env, name);
  if (value === undefined || /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value)) return value;
  throw bad(name, value, 'the client id of a managed identity, a GUID');
}

export function bad(name: string, value: string, expected: string): SettingError {
  return new SettingError(`The setting ${name} is "${printable(value)}"; it must be ${expected}.`);
}
