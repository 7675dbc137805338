const BLANK_LINE = /\r?\n\r?\n/;

/**
 * An answer's head as a strict parser takes it. What registries' usual clients, written in Go, take is mended: lines
 * that end in LF alone, a Content-Length said again with the same value, one beside Transfer-Encoding, which then
 * decides. Values that differ stay as they are, for the parser to refuse.
 * @param head Latin-1, up to and with its blank line
 * https://www.rfc-editor.org/rfc/rfc9110#section-8.6, https://www.rfc-editor.org/rfc/rfc9112#section-2.2 and 6.3
 */
export function mendedHead(head: string): string {
  const lines = head.replace(/(\r?\n)+$/, '').split(/\r?\n/);
  const lengths = lines.flatMap((line) => valuesOf(line, 'content-length') ?? []);
  const [length] = lengths;
  const isLengthOne = length !== undefined && /^\d+$/.test(length) && lengths.every((one) => one === length);
  const hasCoding = lines.some((line) => valuesOf(line, 'transfer-encoding') !== undefined);
  const rest = isLengthOne ? lines.filter((line) => valuesOf(line, 'content-length') === undefined) : lines;
  const mended = isLengthOne && !hasCoding ? [...rest, `Content-Length: ${length}`] : rest;
  return `${mended.join('\r\n')}\r\n\r\n`;
}

/**
 * Mends the first answer of a connection, those of status 1xx before it included; its body, and whatever follows,
 * passes as it is.
 */
export class HeadMender {
  readonly #limit: number;
  #chunks: Buffer[] | undefined = [];
  #length = 0;
  /** The end of what is held, in which a blank line may have begun. */
  #tail = '';

  /** @param limit bytes of heads, beyond which nothing is mended any more: the parser refuses them by itself */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @returns what of it, and of what came before it, can be passed on */
  pass(chunk: Buffer): Buffer {
    if (this.#chunks === undefined) return chunk;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length > this.#limit) return this.end();
    // Only what is new is searched: a head may come byte by byte.
    const text = this.#tail + chunk.toString('latin1');
    this.#tail = text.slice(-3);
    return BLANK_LINE.test(text) ? this.#mended() : Buffer.alloc(0);
  }

  /** @returns what is held for a head that has not ended */
  end(): Buffer {
    const held = Buffer.concat(this.#chunks ?? []);
    this.#chunks = undefined;
    return held;
  }

  #mended(): Buffer {
    let held = this.end().toString('latin1');
    let mended = '';
    for (let end = BLANK_LINE.exec(held); end !== null; end = BLANK_LINE.exec(held)) {
      const length = end.index + end[0].length;
      const head = held.slice(0, length);
      held = held.slice(length);
      mended += mendedHead(head);
      if (!/^HTTP\/1\.\d 1\d\d/.test(head)) return Buffer.from(mended + held, 'latin1');
    }
    this.#chunks = [Buffer.from(held, 'latin1')];
    this.#tail = held.slice(-3);
    return Buffer.from(mended, 'latin1');
  }
}

function valuesOf(line: string, name: string): string[] | undefined {
  const colon = line.indexOf(':');
  if (colon < 0 || line.slice(0, colon).toLowerCase() !== name) return undefined;
  return line
    .slice(colon + 1)
    .split(',')
    .map((value) => value.trim());
}
