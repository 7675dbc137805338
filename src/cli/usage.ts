import type { Command } from './command.ts';
import { EXIT } from './exitCodes.ts';
import { OPTION_LIST } from './options.ts';

/** How the program is used, from the tables of commands, options and exit codes. */
export function usage(commands: readonly Command[]): string {
  const options = OPTION_LIST.map(({ name, short, value, meaning, everywhere }) => {
    const takers = commands
      .filter((command) => command.options.includes(name))
      .map((command) => command.name);
    const written = `--${name}${value === undefined ? '' : ` ${value}`}`;
    return [
      short === undefined ? written : `-${short}, ${written}`,
      everywhere === true ? meaning : `${meaning} (${takersOf(takers, commands)})`,
    ] as const;
  });
  return [
    'image-cache: container images as archives in blob storage\n',
    rows(
      commands.map(({ name, operands, summary }) => [`image-cache ${name} ${operands}`, summary] as const),
    ),
    rows(options),
    '  Without --service and IMAGE_CACHE_URL it is the service that azd deployed from here, else',
    '  http://127.0.0.1:7071. A function key is read from IMAGE_CACHE_KEY, an Entra token from IMAGE_CACHE_TOKEN;',
    '  neither is sent to a service that was only found: say --service azd for that.\n',
    'Exit codes',
    rows(Object.values(EXIT).map(({ code, meaning }) => [`${code}`, meaning] as const)),
  ].join('\n');
}

/** Where nearly all take it, those that do not say it shorter. */
function takersOf(takers: readonly string[], commands: readonly Command[]): string {
  const others = commands.map(({ name }) => name).filter((name) => !takers.includes(name));
  return others.length < takers.length && others.length < 5
    ? `all but ${others.join(', ')}`
    : takers.join(', ');
}

function rows(pairs: readonly (readonly [string, string])[]): string {
  const width = Math.max(...pairs.map(([left]) => left.length));
  return pairs.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join('');
}
