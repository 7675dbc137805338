import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

/** The operator's page: one text that asks for nothing beside itself and the service's own calls. */
export interface AssembledPage {
  readonly html: string;
  /** Names the page's own script and style by their hashes, and allows nothing else. */
  readonly contentSecurityPolicy: string;
  /** Quoted, as the header has it. */
  readonly etag: string;
}

const FOLDER = 'page/';
const ENTRY = 'main.js';
const STYLE = '<link rel="stylesheet" href="style.css" />';
const SCRIPT = '<script type="module" src="main.js"></script>';
/** Modules import each other by name, and by that alone: their names share one scope here. */
const IMPORT = /^import \{([^}]*)\} from '\.\/([\w-]+\.js)';\n/gm;
/** What is only for tsc. */
const TYPES = /^\/\*\* @import [^\n]*\n/gm;

/**
 * Puts style and scripts into the page. A tool that bundles would do more than this needs, and would have to run at
 * every start from sources.
 */
export function assemblePage(): AssembledPage {
  const read = (name: string): string => readFileSync(new URL(FOLDER + name, import.meta.url), 'utf8');
  const modules = readdirSync(new URL(FOLDER, import.meta.url)).filter((name) => name.endsWith('.js'));
  const style = `\n${read('style.css')}`;
  const script = `\n'use strict';\n${inOrder(modules, read)
    .map((name) => moduleText(name, read(name)))
    .join('\n')}`;
  const html = read('index.html')
    .replace(STYLE, () => `<style>${style}</style>`)
    .replace(SCRIPT, () => `<script type="module">${script}</script>`);
  if (html.includes(STYLE) || html.includes(SCRIPT) || !html.includes(script) || !html.includes(style))
    throw new Error('src/ui/page/index.html has no place for its style or its script.');
  return {
    html,
    contentSecurityPolicy: [
      "default-src 'none'",
      `script-src ${sourceHash(script)}`,
      `style-src ${sourceHash(style)}`,
      "connect-src 'self'",
      'img-src data:',
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      // Text that somebody else wrote can become no markup, whatever mistake is made here.
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ].join('; '),
    etag: `"${createHash('sha256').update(html).digest('base64url').slice(0, 27)}"`,
  };
}

/** Each module after those that it imports, beginning with what the entry needs. */
function inOrder(modules: readonly string[], read: (name: string) => string): string[] {
  const ordered = new Set<string>();
  const visit = (name: string, from: readonly string[]): void => {
    if (ordered.has(name)) return;
    if (from.includes(name)) throw new Error(`src/ui/page: ${[...from, name].join(' imports ')}.`);
    for (const [, , imported = ''] of read(name).matchAll(IMPORT)) visit(imported, [...from, name]);
    ordered.add(name);
  };
  visit(ENTRY, []);
  const unused = modules.filter((name) => !ordered.has(name));
  if (unused.length > 0) throw new Error(`src/ui/page: nothing imports ${unused.join(', ')}.`);
  return [...ordered];
}

function moduleText(name: string, text: string): string {
  const body = text
    .replace(IMPORT, (_, names: string) => {
      if (names.includes(' as ')) throw new Error(`src/ui/page/${name} renames what it imports.`);
      return '';
    })
    .replace(TYPES, '')
    .replace(/^export (?=(?:async )?(?:function|const|class)\b)/gm, '');
  if (/^(import|export)\b/m.test(body) || body.includes('</script'))
    throw new Error(
      `src/ui/page/${name} has an import, an export or a tag that cannot be put into the page.`,
    );
  return `// ${'-'.repeat(16)} ${name}\n\n${body}`;
}

/** https://www.w3.org/TR/CSP3/#grammardef-hash-source */
function sourceHash(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
