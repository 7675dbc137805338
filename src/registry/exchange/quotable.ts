import { LRUCache } from 'lru-cache';

/** Tokens of as many repositories as one worker pulls from at a time, and more; configured ones stay. */
const MAX_SENT = 500;
/** Shorter ones would take ordinary words out of messages; they are found in their Basic header all the same. */
const MIN_LENGTH = 4;
/** So much of a secret in a row is a secret, should somebody cut it off: no more of it than this is ever shown. */
const PREFIX_LENGTH = 8;
/** Characters of a text that are looked at: more than any message shows. */
const MAX_TEXT = 2_000;
const REMOVED = '[removed]';

/** What nobody has to know to see that it is none of a caller's business. What is kept of it is the group. */
const SECRET_SHAPES: readonly RegExp[] = [
  /\b(Bearer|Basic)\s+["']?(?=\S{20}|\S*[\d=])[A-Za-z0-9\-._~+/]{8,}=*/gi,
  /()\beyJ[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*){0,2}/g,
  // Who signs in where, of a registry's own.
  /\b([a-z][a-z0-9+.-]*:\/\/)[^\s"'<>/@]+(?=@)/gi,
  // Of a signed URL all that follows the question mark.
  /(https?:\/\/[^\s"'<>?]*)\?[^\s"'<>]*/gi,
  /\b((?:X-(?:Amz|Goog)-(?:Signature|Credential|Security-Token)|sig|signature|[a-z_-]*token|api[_-]?key)(?:=|%3D|["']\s*:\s*["']))[^\s"'&;,}]+/gi,
  /\b((?:password|passwd|secret)["']?\s*(?:=|:|%3D)\s*["']?)[^\s"'&;,}]+/gi,
];

/**
 * The secrets that this process holds, and the one place where what others say is made fit to be quoted. A
 * registry's answer may repeat what it was sent, in its own way of writing.
 */
export class KnownSecrets {
  readonly #configured = new Set<string>();
  readonly #sent = new LRUCache<string, readonly string[]>({ max: MAX_SENT });
  /** Lower case, by their first characters: a text is held against those alone whose beginning it has. */
  #forms: ReadonlyMap<string, readonly string[]> | undefined;

  /** @param configured what the settings hold, which is never forgotten */
  constructor(configured: Iterable<string> = []) {
    for (const secret of configured) for (const form of writtenForms(secret)) this.#configured.add(form);
  }

  /** What went out with a request: a token, a password. */
  addSent(secret: string): void {
    if (this.#sent.get(secret) !== undefined) return;
    this.#sent.set(secret, writtenForms(secret));
    this.#forms = undefined;
  }

  /** The text without anything secret, and not more of it than a message can show. */
  quotable(text: string): string {
    let clean = this.withoutKnown(text.slice(0, MAX_TEXT));
    for (const shape of SECRET_SHAPES)
      clean = clean.replace(shape, (_all, kept: string) => `${kept}${REMOVED}`);
    return clean;
  }

  /** A text of our own that quotes what others wrote, without the secrets that they may have written into it. */
  withoutKnown(text: string): string {
    let clean = text;
    for (const form of this.#formsIn(clean)) clean = without(clean, form);
    return clean;
  }

  /** Those that may be in a text, the longest first: what is left of one that held another would still be told. */
  #formsIn(text: string): string[] {
    this.#forms ??= Map.groupBy(new Set([...this.#configured, ...[...this.#sent.values()].flat()]), headOf);
    const lower = text.toLowerCase();
    const found = new Set<string>();
    for (let at = 0; at + MIN_LENGTH <= lower.length; at++)
      for (const form of this.#forms.get(lower.slice(at, at + MIN_LENGTH)) ?? []) found.add(form);
    return [...found].sort((a, b) => b.length - a.length);
  }
}

function headOf(text: string): string {
  return text.slice(0, MIN_LENGTH);
}

/** Takes out each stretch of the text that begins as the secret does, in either case: a host name is lower case. */
function without(text: string, secret: string): string {
  const lower = text.toLowerCase();
  const prefix = secret.slice(0, PREFIX_LENGTH);
  let clean = '';
  let from = 0;
  for (let at = lower.indexOf(prefix); at !== -1; at = lower.indexOf(prefix, from)) {
    let length = prefix.length;
    while (length < secret.length && lower[at + length] === secret[length]) length += 1;
    clean += text.slice(from, at) + REMOVED;
    from = at + length;
  }
  return clean + text.slice(from);
}

/** A secret as others may write it. */
function writtenForms(secret: string): string[] {
  const bytes = Buffer.from(secret, 'utf8');
  const forms = [
    secret,
    encodeURIComponent(secret),
    new URLSearchParams([['', secret]]).toString().slice(1),
    JSON.stringify(secret).slice(1, -1),
    bytes.toString('hex'),
    ...base64Forms(bytes),
  ];
  return forms.filter((form) => form.length >= MIN_LENGTH).map((form) => form.toLowerCase());
}

/** Base64 of the bytes wherever they stand in what was encoded: it looks different at each of three offsets. */
function base64Forms(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    const isCut = (offset + bytes.length) % 3 !== 0;
    // The characters at the ends hold bits of the neighbours too.
    const inner = encoded.slice(Math.ceil((offset * 8) / 6), isCut ? -1 : undefined);
    return inner.length < PREFIX_LENGTH
      ? []
      : [inner, inner.replaceAll('+', '-').replaceAll('/', '_'), encodeURIComponent(inner)];
  });
}

/** Fields of a token request that are no secrets. */
const PLAIN_FIELDS: ReadonlySet<string> = new Set(['grant_type', 'service', 'scope', 'client_id']);

/** Notes what a request carries that must not come back. */
export function rememberSecrets(
  secrets: KnownSecrets,
  { headers, body }: { readonly headers?: Readonly<Record<string, string>>; readonly body?: string },
): void {
  const [scheme, value] = headers?.authorization?.split(' ') ?? [];
  if (value !== undefined) {
    secrets.addSent(value);
    if (scheme === 'Basic') {
      const pair = Buffer.from(value, 'base64').toString('utf8');
      secrets.addSent(pair);
      secrets.addSent(pair.slice(pair.indexOf(':') + 1));
    }
  }
  for (const [name, text] of new URLSearchParams(body ?? ''))
    if (!PLAIN_FIELDS.has(name)) secrets.addSent(text);
}
