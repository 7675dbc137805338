/** How the recordings write values that JSON has not: undefined, dates, HTTP responses. */
import functions from '@azure/functions';

/** By the default export: Node 22 does not find it as a named one. */
const { HttpResponse } = functions;

export function decode(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(decode);
  if (typeof value !== 'object' || value === null) return value;
  if ('$undefined' in value) return undefined;
  if ('$date' in value) return new Date(String(value.$date));
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, decode(member)]));
}

export async function encode(value: unknown): Promise<unknown> {
  if (value === undefined) return { $undefined: true };
  if (!(value instanceof HttpResponse)) return value;
  const text = await value.text();
  const body = text.startsWith('{') ? (JSON.parse(text) as unknown) : text;
  return { status: value.status, headers: Object.fromEntries(value.headers), body };
}
