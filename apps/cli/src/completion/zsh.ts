import { allCommands, type CommandWords, type OptionWords } from "./command-words.ts";

/** A script for zsh with its completion system on (`compinit`). */
export function zshScript(program: CommandWords): string {
  return `#compdef slipway
# Completion of slipway for zsh; made by \`slipway completion zsh\`.
_slipway_jobs() {
  local -a jobs
  jobs=(\${(f)"$(slipway completion --jobs 2>/dev/null)"})
  compadd -V jobs -a jobs
}

${allCommands(program).map(functionOf).join("\n\n")}

# Read by eval it registers itself; as a file on the fpath it is the function.
if [ "$funcstack[1]" = _slipway ]; then _slipway "$@"; else compdef _slipway slipway; fi
`;
}

function functionOf(command: CommandWords): string {
  const specs = [...command.options.map(optionSpec), ...argumentSpecs(command)];
  return `${nameOf(command)}() {
  local context state line
  local -a commands
  typeset -A opt_args
  _arguments -C -S${specs.map((spec) => ` \\\n    ${spec}`).join("")}${command.subcommands.length === 0 ? "" : dispatch(command)}
}`;
}

function argumentSpecs({ argument, subcommands }: CommandWords): string[] {
  if (subcommands.length > 0) return ["'1: :->command'", "'*:: :->rest'"];
  if (argument === "job") return ["'1:job:_slipway_jobs'", "'*: :_default'"];
  return argument.length > 0 ? [`'1: :(${argument.map(escaped).join(" ")})'`] : ["'*: :_default'"];
}

function dispatch({ subcommands }: CommandWords): string {
  return `
  case $state in
    command)
      commands=(
${subcommands.map(({ name, summary }) => `        ${quoted(`${name.replaceAll(":", "\\:")}:${summary}`)}`).join("\n")}
      )
      _describe -t commands command commands
      ;;
    rest)
      case $line[1] in
${subcommands.map((sub) => `        ${sub.name}) ${nameOf(sub)} ;;`).join("\n")}
      esac
      ;;
  esac`;
}

function optionSpec({ flags, description, takesValue, choices }: OptionWords): string {
  const value = !takesValue ? "" : choices.length > 0 ? `:value:(${choices.map(escaped).join(" ")})` : ":value:_default";
  const exclusive = flags.length > 1 ? `(${flags.join(" ")})` : "";
  const names = flags.length > 1 ? `{${flags.join(",")}}` : flags[0];
  return `${exclusive === "" ? "" : quoted(exclusive)}${names}${quoted(`[${escaped(description)}]${value}`)}`;
}

function nameOf({ path }: CommandWords): string {
  return ["_slipway", ...path.split(" ").filter(Boolean)].join("_").replaceAll("-", "_");
}

/** Signs that \`_arguments\` reads in a description or value. */
function escaped(text: string): string {
  return text.replace(/[\\:[\]]/g, "\\$&");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
