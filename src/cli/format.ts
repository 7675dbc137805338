import { displayWidth, printable } from './terminalText.ts';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** 1536 → `1.5 KiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${UNITS[unit] ?? ''}`;
}

/** 80 seconds → `1 min 20 s`: the two largest units that there are. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(Math.round(seconds), 0);
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'min'],
    [whole % 60, 's'],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  if (first === -1) return '0 s';
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ');
}

/** A time as people tell it: `3 d 4 h ago`. @param now in milliseconds of Date.now() */
export function formatAge(time: string, now: number): string {
  const seconds = (now - Date.parse(time)) / 1000;
  if (Number.isNaN(seconds)) return time;
  return seconds < 1 ? 'now' : `${formatDuration(seconds)} ago`;
}

/** One member a line: what a command that shows one thing prints. */
export function formatDetails(view: object): string[] {
  const rows = Object.entries(view).map(([name, value]: [string, unknown]) => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  return formatTable(['', ''], rows).split('\n').slice(1);
}

/** Rows under a header, each column as wide as its widest cell; cells are made printable. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows].map((row) => row.map(printable));
  const widths = header.map((_, column) => Math.max(...all.map((row) => displayWidth(row[column] ?? ''))));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell + ' '.repeat(Math.max((widths[column] ?? 0) - displayWidth(cell), 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
