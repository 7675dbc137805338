import type { Command } from '../command.ts';
import { optionsOf } from '../options.ts';

/*
 * What a service says is never expanded by a shell: names come a line each, of plain characters only (imageNames.ts),
 * and no script hands them to anything that evaluates words, such as bash's `compgen -W`.
 */

/** Shells that there is a script for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

export function completionScript(shell: Shell, commands: readonly Command[]): string {
  return { bash, zsh, fish }[shell](commands);
}

/** Needs no bash-completion. A word with a colon is several to readline, so only what follows the last is replaced. */
function bash(commands: readonly Command[]): string {
  const cases = commands.map(
    (command) => `      ${command.name})
        options='${flags(command).join(' ')}'
        operands='${typeof command.completes === 'string' ? '' : command.completes.join(' ')}'
        images=${command.completes === 'images' ? 'yes' : ''} ;;`,
  );
  return `# bash completion of image-cache: source <(image-cache completion bash)
_image_cache() {
  local line=\${COMP_LINE:0:COMP_POINT} command= options='--help --version' operands= images= word= candidate
  local current=\${line##*[[:space:]]}
  COMPREPLY=()
  for word in \${line#*[[:space:]]}; do
    case $word in
      -*) ;;
      ${commands.map(({ name }) => name).join('|')}) command=$word; break ;;
    esac
  done
  if [[ $command && ! ( $command == "$current" ) ]]; then
    case $command in
${cases.join('\n')}
    esac
  else
    operands='${commands.map(({ name }) => name).join(' ')}'
  fi
  [[ $current == -* ]] && operands=$options images=
  for candidate in $operands; do
    [[ $candidate == "$current"* ]] && COMPREPLY+=("$candidate")
  done
  if [[ $images ]]; then
    while IFS= read -r candidate; do
      [[ $candidate == "$current"* ]] && COMPREPLY+=("$candidate")
    done < <(image-cache completion images "$current" 2>/dev/null)
  fi
  if [[ $current == *:* && $COMP_WORDBREAKS == *:* ]]; then
    COMPREPLY=("\${COMPREPLY[@]#"\${current%"\${current##*:}"}"}")
  fi
}
complete -F _image_cache image-cache
`;
}

function zsh(commands: readonly Command[]): string {
  const cases = commands.map(
    (command) => `    ${command.name})
      _arguments ${specs(command).join(' ')} ${zshOperands(command)} ;;`,
  );
  return `#compdef image-cache
# zsh completion of image-cache: put it into a file _image-cache of a folder of $fpath, or source it after compinit.
_image_cache_images() {
  local -a names
  names=("\${(@f)$(image-cache completion images "\${(Q)PREFIX}" 2>/dev/null)}")
  compadd -a names
}
_image_cache() {
  local -a commands
  commands=(
${commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`).join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join('\n')}
  esac
}
if [[ \${funcstack[1]} == _image-cache ]]; then
  _image_cache "$@"
else
  compdef _image_cache image-cache
fi
`;
}

function zshOperands({ completes }: Command): string {
  if (completes === 'images') return "'*:image:_image_cache_images'";
  return completes.length === 0 ? '' : quoted(`*:word:(${completes.join(' ')})`);
}

function specs(command: Command): string[] {
  return optionsOf(command.options).map(({ name, value, meaning }) =>
    quoted(`--${name}[${meaning.replace(/[[\]:\\]/g, '\\$&')}]${value === undefined ? '' : `:${value}:`}`),
  );
}

function fish(commands: readonly Command[]): string {
  const line = (...words: string[]): string => ['complete -c image-cache', ...words].join(' ');
  const after = ({ name }: Command): string => `-n '__fish_seen_subcommand_from ${name}'`;
  return [
    '# fish completion of image-cache: image-cache completion fish | source',
    line('-f'),
    ...commands.map(({ name, summary }) =>
      line('-n __fish_use_subcommand', `-a ${name}`, `-d ${fishQuoted(summary)}`),
    ),
    ...commands.flatMap((command) => [
      ...optionsOf(command.options).map(({ name, short, value, meaning }) =>
        line(
          ...[after(command), `-l ${name}`, ...(short === undefined ? [] : [`-s ${short}`])],
          ...[...(value === undefined ? [] : ['-x']), `-d ${fishQuoted(meaning)}`],
        ),
      ),
      ...(command.completes === 'images'
        ? [line(after(command), "-a '(image-cache completion images (commandline -ct) 2>/dev/null)'")]
        : command.completes.map((word) => line(after(command), `-a ${word}`))),
    ]),
    '',
  ].join('\n');
}

function flags(command: Command): string[] {
  return optionsOf(command.options).map(({ name }) => `--${name}`);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function fishQuoted(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`;
}
