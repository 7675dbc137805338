import type { Command } from '../command.ts';
import { OPTION_LIST, type OptionName, optionsOf } from '../options.ts';

/*
 * Whatever service the line names is the one that is asked for images: another's must not be offered to `remove`.
 *
 * What a service says is never expanded by a shell: names come a line each, of plain characters only (imageNames.ts),
 * and no script hands them to anything that evaluates words, such as bash's `compgen -W`.
 */

/** Shells that there is a script for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

export function completionScript(shell: Shell, commands: readonly Command[]): string {
  return { bash, zsh, fish }[shell](commands);
}

/** Options whose next word is a value: no command, and nothing to complete. */
const VALUED = OPTION_LIST.filter(({ type }) => type === 'string').map(({ name }) => `--${name}`);

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
  local line=\${COMP_LINE:0:COMP_POINT} command= options='--service --help --version' operands= images= word candidate
  local current=\${line##*[[:space:]]} previous= service=() words
  COMPREPLY=()
  read -ra words <<<"\${line%"$current"}"
  for word in "\${words[@]:1}"; do
    case $previous in
      --service) service=(--service "$word"); word= ;;
      ${VALUED.join('|')}) word= ;;
    esac
    case $word in
      --service=*) service=("$word") ;;
      -*) ;;
      ${commands.map(({ name }) => name).join('|')}) command=\${command:-$word} ;;
    esac
    previous=$word
  done
  case $previous in ${VALUED.join('|')}) return ;; esac
  if [[ $command ]]; then
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
    done < <(image-cache completion images "\${service[@]}" "$current" 2>/dev/null)
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
  names=("\${(@f)$(image-cache completion images $service "\${(Q)PREFIX}" 2>/dev/null)}")
  compadd -a names
}
_image_cache() {
  local -a commands service
  local at command=
  for (( at = 2; at <= $#words; at++ )); do
    (( at == CURRENT )) && continue
    case $words[at] in
      --service) (( at + 1 == CURRENT )) || service=(--service "\${(Q)words[at + 1]}") ;;
      --service=*) service=("\${(Q)words[at]}") ;;
    esac
  done
  for (( at = 2; at < CURRENT; at++ )); do
    case $words[at] in
      ${VALUED.join('|')}) (( at++ )) ;;
      -*) ;;
      *) command=$words[at]; break ;;
    esac
  done
  commands=(
${commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`).join('\n')}
  )
  if [[ -z $command ]]; then
    if (( at > CURRENT )); then return
    elif [[ $PREFIX == -* ]]; then compadd -- --service --help --version
    else _describe command commands; fi
    return
  fi
  shift $(( at - 1 )) words
  (( CURRENT -= at - 1 ))
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

const FISH_IMAGES = `# fish completion of image-cache: image-cache completion fish | source
function __image_cache_images
  set -l words (commandline -opc)
  set -l service
  for at in (seq (count $words))
    switch $words[$at]
      case --service
        test $at -lt (count $words); and set service --service $words[(math $at + 1)]
      case '--service=*'
        set service $words[$at]
    end
  end
  image-cache completion images $service (commandline -ct) 2>/dev/null
end`;

function fish(commands: readonly Command[]): string {
  const line = (...words: string[]): string => ['complete -c image-cache', ...words].join(' ');
  const before = `-n 'not __fish_seen_subcommand_from ${commands.map(({ name }) => name).join(' ')}'`;
  const after = ({ name }: Command): string => `-n '__fish_seen_subcommand_from ${name}'`;
  const options = (where: string, names: readonly OptionName[]): string[] =>
    optionsOf(names).map(({ name, short, value, meaning }) =>
      line(
        ...[where, `-l ${name}`, ...(short === undefined ? [] : [`-s ${short}`])],
        ...[...(value === undefined ? [] : ['-x']), `-d ${fishQuoted(meaning)}`],
      ),
    );
  return [
    FISH_IMAGES,
    line('-f'),
    ...commands.map(({ name, summary }) => line(before, `-a ${name}`, `-d ${fishQuoted(summary)}`)),
    ...options(before, []),
    ...commands.flatMap((command) => [
      ...options(after(command), command.options),
      ...(command.completes === 'images'
        ? [line(after(command), "-a '(__image_cache_images)'")]
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
