const BLANK = /[^\S\n]*(?:#[^\n]*)?(?:\n|$)/y;
/** `NAME=` and its value: in quotes, which may span lines, or the rest of the line. */
const ASSIGNMENT =
  /[^\S\n]*(?:export[^\S\n]+)?([A-Za-z_][\w.-]*)[^\S\n]*=[^\S\n]*(?:(?:"((?:\\[^]|[^"\\])*)"|'([^']*)')[^\S\n]*(?:#[^\n]*)?|([^"'\n][^\n]*)?)(?:\n|$)/y;

/**
 * The variables of a `.env` file as the Azure Developer CLI writes it: in double quotes, where `\n` and `\r` are line
 * ends and a backslash stands before what a shell would take for its own; numbers without quotes. Also what people
 * write: single quotes, no quotes, `export`, comments. Nothing is expanded.
 * @see https://github.com/joho/godotenv, by which it is written and read
 * @throws {SyntaxError} with the number of the line that cannot be read
 */
export function parseDotEnv(text: string): Map<string, string> {
  const variables = new Map<string, string>();
  const lines = text.replace(/^\ufeff/, '').replaceAll('\r\n', '\n');
  let at = 0;
  while (at < lines.length) {
    ASSIGNMENT.lastIndex = BLANK.lastIndex = at;
    if (BLANK.test(lines)) {
      at = BLANK.lastIndex;
      continue;
    }
    const match = ASSIGNMENT.exec(lines);
    if (match === null)
      throw new SyntaxError(`line ${lines.slice(0, at).split('\n').length} is not NAME="value"`);
    const [, name = '', double, single, bare = ''] = match;
    variables.set(name, double === undefined ? (single ?? withoutComment(bare)) : unescape(double));
    at = ASSIGNMENT.lastIndex;
  }
  return variables;
}

function unescape(text: string): string {
  return text.replace(/\\([^])/g, (_, character: string) =>
    character === 'n' ? '\n' : character === 'r' ? '\r' : character,
  );
}

function withoutComment(text: string): string {
  const comment = / #|\t#/.exec(text)?.index;
  return text.slice(0, comment).trim();
}
