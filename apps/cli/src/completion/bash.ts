import { allCommands, type CommandWords } from "./command-words.ts";

/** A script for bash 3.2 and newer, which macOS has; it needs no bash-completion. */
export function bashScript(program: CommandWords): string {
  const commands = allCommands(program);
  return `# Completion of slipway for bash; made by \`slipway completion bash\`.
_slipway() {
  local current=\${COMP_WORDS[COMP_CWORD]} path="" word at skip=""
  COMPREPLY=()
  for ((at = 1; at < COMP_CWORD; at += 1)); do
    word=\${COMP_WORDS[at]}
    if [ -n "$skip" ]; then skip=""; continue; fi
    case $word in
      -*) _slipway_value "$path" "$word" && skip=1 ;;
      *) case " $(_slipway_commands "$path") " in *" $word "*) path="\${path:+$path }$word" ;; esac ;;
    esac
  done
  if [ -n "$skip" ] && _slipway_value "$path" "\${COMP_WORDS[COMP_CWORD - 1]}"; then
    COMPREPLY=($(compgen -W "$slipway_choices" -- "$current"))
    [ -n "$slipway_choices" ] || COMPREPLY=($(compgen -f -- "$current"))
    return
  fi
  case $current in
    -*) COMPREPLY=($(compgen -W "$(_slipway_options "$path")" -- "$current")) ;;
    *) COMPREPLY=($(compgen -W "$(_slipway_commands "$path") $(_slipway_arguments "$path")" -- "$current")) ;;
  esac
}

_slipway_commands() {
  case $1 in
${commands
  .filter(({ subcommands }) => subcommands.length > 0)
  .map(({ path, subcommands }) => `    ${quoted(path)}) echo ${quoted(subcommands.map(({ name }) => name).join(" "))} ;;`)
  .join("\n")}
  esac
}

_slipway_options() {
  case $1 in
${commands.map(({ path, options }) => `    ${quoted(path)}) echo ${quoted(options.flatMap(({ flags }) => flags).join(" "))} ;;`).join("\n")}
  esac
}

_slipway_arguments() {
  case $1 in
${commands.flatMap(argumentCase).join("\n")}
  esac
}

# Whether an option of a command takes a value, and which in slipway_choices.
_slipway_value() {
  slipway_choices=""
  case "$1 $2" in
${commands.flatMap(valueCases).join("\n")}
    *) return 1 ;;
  esac
}

complete -F _slipway slipway
`;
}

function argumentCase({ path, argument }: CommandWords): string[] {
  if (argument === "job") return [`    ${quoted(path)}) slipway completion --jobs 2>/dev/null ;;`];
  return argument.length === 0 ? [] : [`    ${quoted(path)}) echo ${quoted(argument.join(" "))} ;;`];
}

function valueCases({ path, options }: CommandWords): string[] {
  return options
    .filter(({ takesValue }) => takesValue)
    .map(({ flags, choices }) => `    ${flags.map((flag) => quoted(`${path} ${flag}`)).join("|")}) slipway_choices=${quoted(choices.join(" "))} ;;`);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
