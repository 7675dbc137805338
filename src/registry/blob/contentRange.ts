/** The bytes an answer holds: [start, end) of `total`, which a server may leave open. */
export interface ContentRange {
  readonly start: number;
  readonly end: number;
  readonly total: number | undefined;
}

/** Reads `bytes 0-99/1234` and `bytes 0-99/*`. https://www.rfc-editor.org/rfc/rfc9110#field.content-range */
export function parseContentRange(header: string | string[] | undefined): ContentRange | undefined {
  const match = /^\s*bytes\s+(\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)\s*$/i.exec(
    typeof header === 'string' ? header : '',
  );
  if (match === null) return undefined;
  const [start, last] = [Number(match[1]), Number(match[2])];
  if (last < start) return undefined;
  return { start, end: last + 1, total: match[3] === '*' ? undefined : Number(match[3]) };
}
