import { readdirSync, readFileSync } from 'node:fs';

const LAUNCHER = 'tes-node';
const PARTS = 'src/';
/** The lines of the launcher that read the parts where they lie. */
const SOURCING = /^# The next lines .*\nfor Part [^]*?^done\n/m;

/** The node's script as one file: the launcher with its parts' text in it. */
export function assembleScript(): string {
  const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');
  const launcher = read(LAUNCHER);
  if (!SOURCING.test(launcher)) throw new Error(`node/${LAUNCHER} has no place for its parts.`);
  const parts = readdirSync(new URL(PARTS, import.meta.url))
    .filter((name) => name.endsWith('.sh'))
    .sort();
  const text = parts.map((name) => `# ${'-'.repeat(16)} ${name}\n\n${read(PARTS + name)}`).join('\n');
  return launcher.replace(SOURCING, () => text);
}
