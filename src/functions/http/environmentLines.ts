import type { HttpResponseInit } from '@azure/functions';
import { isObject } from '../../image/json.ts';

/**
 * An answer for a node without jq: `NAME='value'` lines, which a POSIX shell can read or source safely. Nested
 * members join their names with `_`: `progress.stagedBytes` is `PROGRESS_STAGED_BYTES`. A list is one value, its items
 * separated by blanks.
 */
export function environmentLines(
  status: number,
  body: object,
  headers: Readonly<Record<string, string>>,
): HttpResponseInit {
  return {
    status,
    headers: { 'Content-Type': 'text/plain; charset=utf-8', ...headers },
    body: lines(body).join(''),
  };
}

function lines(value: object, prefix = ''): string[] {
  return Object.entries(value).flatMap(([key, member]: [string, unknown]) => {
    const name = prefix + key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
    if (Array.isArray(member)) return [`${name}=${quoted(member.join(' '))}\n`];
    if (isObject(member)) return lines(member, `${name}_`);
    return [`${name}=${quoted(String(member))}\n`];
  });
}

/** In single quotes, where a shell expands nothing. A line break would end the line for readers that do not source it. */
function quoted(text: string): string {
  return `'${text.replace(/[\r\n]+/g, ' ').replaceAll("'", "'\\''")}'`;
}
