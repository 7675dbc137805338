import { formatBytes } from '../src/cli/format.ts';

/**
 * A line of the service's log, for a person at a terminal: an event as `12:03:44 image_cached NAME seconds=3.2 …`.
 * What is no event stays as it is.
 */
export function readableLine(line: string, now: Date): string {
  if (!line.startsWith('{"type":"')) return line;
  let event: { readonly type: string; readonly image?: string };
  try {
    event = JSON.parse(line) as typeof event;
  } catch {
    return line;
  }
  const { type, image, ...members } = event;
  const time = now.toTimeString().slice(0, 8);
  return [time, type, ...(image === undefined ? [] : [image]), ...words(members)].join(' ');
}

function words(members: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(members).flatMap(([name, value]): string[] => {
    if (typeof value === 'object' && value !== null) return words(value as Record<string, unknown>);
    const isBytes = typeof value === 'number' && (name === 'bytes' || name === 'size');
    return [`${name}=${isBytes ? formatBytes(value).replace(' ', '\u00a0') : String(value)}`];
  });
}
