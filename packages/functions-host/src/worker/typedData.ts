/**
 * Values as the .NET host writes them for a function (text as .NET prints it, JSON as Newtonsoft does), and
 * back: what a function's return value becomes in the durable history.
 */
import type { TypedData } from './rpc.ts';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const ISO_DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

/** `1e-7` in JavaScript is `1E-07` in .NET. */
function numberText(value: number): string {
  return String(value).replace(
    /e([+-])(\d+)$/,
    (_, sign: string, digits: string) => `E${sign}${digits.padStart(2, '0')}`,
  );
}

/** JSON text with numbers spelled as .NET does. */
export function jsonText(value: Json): string {
  if (typeof value === 'number') return numberText(value);
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(
      ([key, member]) => `${JSON.stringify(key)}:${jsonText(member)}`,
    );
    return `{${members.join(',')}}`;
  }
  return JSON.stringify(value);
}

/** MM/dd/yyyy HH:mm:ss in UTC: how a date is put into trigger metadata. */
export function dateText(date: Date): string {
  const [year, month, day] = date.toISOString().slice(0, 10).split('-');
  return `${month ?? ''}/${day ?? ''}/${year ?? ''} ${date.toISOString().slice(11, 19)}`;
}

/** A value bound to text: `True`, `1.5`, JSON for objects and arrays, and no data at all for null. */
export function toText(value: Json | undefined): TypedData {
  if (value === null || value === undefined) return {};
  if (typeof value === 'boolean') return { string: value ? 'True' : 'False' };
  return { string: typeof value === 'string' ? value : jsonText(value) };
}

/** A value in trigger metadata: objects as JSON, arrays not at all, all else as text. */
export function toMetadata(value: Json): TypedData {
  if (Array.isArray(value)) return {};
  if (typeof value === 'object' && value !== null) return { json: jsonText(value) };
  if (typeof value === 'string' && ISO_DATE_TIME.test(value)) return { string: dateText(new Date(value)) };
  return toText(value);
}

/** Trigger metadata without the values that carry no data. */
export function metadata(entries: Readonly<Record<string, TypedData>>): Record<string, TypedData> {
  return Object.fromEntries(Object.entries(entries).filter(([, data]) => Object.keys(data).length > 0));
}

/** JSON text of what a function returned; null for null and undefined. */
export function resultText(data: TypedData | null | undefined): string | null {
  if (data === null || data === undefined) return null;
  if (typeof data.string === 'string') return JSON.stringify(data.string);
  if (typeof data.json === 'string') return jsonText(JSON.parse(data.json) as Json);
  if (data.bytes) return JSON.stringify(Buffer.from(data.bytes).toString('base64'));
  const number = data.int ?? data.double;
  if (typeof number !== 'number') return null;
  return Number.isFinite(number) ? numberText(number) : JSON.stringify(String(number));
}
