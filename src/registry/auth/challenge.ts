/** One challenge of a WWW-Authenticate header. https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1 */
export interface Challenge {
  /** Lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** By lower-case name; the first of a name wins. */
  readonly parameters: ReadonlyMap<string, string>;
}

const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const BLANK = /[\s,]*/y;
const EQUALS = /[ \t]*=[ \t]*/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/y;
const VALUE = /[^\s,"]*/y;

/**
 * Every challenge, of several headers and several in one header, in order. Never throws: what cannot be
 * read is passed over, as a registry that says one thing clearly should be heard.
 */
export function parseChallenges(header: string | readonly string[] | undefined): Challenge[] {
  const challenges: Challenge[] = [];
  for (const text of typeof header === 'string' ? [header] : (header ?? [])) parseInto(challenges, text);
  return challenges;
}

function parseInto(challenges: Challenge[], text: string): void {
  let position = 0;
  const eat = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = position;
    const match = pattern.exec(text);
    if (match !== null) position += match[0].length;
    return match;
  };
  let parameters: Map<string, string> | undefined;
  for (;;) {
    eat(BLANK);
    if (position >= text.length) return;
    const name = eat(TOKEN)?.[0].toLowerCase();
    if (name === undefined) {
      position += 1;
      parameters = undefined;
      continue;
    }
    if (eat(EQUALS) === null) {
      parameters = new Map();
      challenges.push({ scheme: name, parameters });
      continue;
    }
    const value = eat(QUOTED)?.[1]?.replace(/\\(.)/g, '$1') ?? eat(VALUE)?.[0] ?? '';
    if (parameters !== undefined && !parameters.has(name)) parameters.set(name, value);
  }
}
