import { allCommands, type CommandWords, type OptionWords } from "./command-words.ts";

/** A script for fish 3 and newer. */
export function fishScript(program: CommandWords): string {
  const commands = allCommands(program);
  return `# Completion of slipway for fish; made by \`slipway completion fish\`.
# The words of the command that is being typed, without options: whether they begin with these, and none of the further ones follows.
function __slipway_at
    set -l typed (commandline -opc | string match -v -- '-*')
    set -e typed[1]
    for word in (string split -n ' ' -- $argv[1])
        test "$typed[1]" = $word; or return 1
        set -e typed[1]
    end
    set -q typed[1]; or return 0
    not contains -- $typed[1] $argv[2..-1]
end

complete -c slipway -f
${commands.flatMap(linesOf).join("\n")}
`;
}

function linesOf(command: CommandWords): string[] {
  const { path, subcommands, options, argument } = command;
  const at = `-n ${quoted([`__slipway_at ${quoted(path)}`, ...subcommands.map(({ name }) => name)].join(" "))}`;
  return [
    ...subcommands.map(({ name, summary }) => `complete -c slipway ${at} -a ${name} -d ${quoted(summary)}`),
    ...(argument === "job"
      ? [`complete -c slipway ${at} -a '(slipway completion --jobs 2>/dev/null)'`]
      : argument.length > 0
        ? [`complete -c slipway ${at} -a ${quoted(argument.join(" "))}`]
        : []),
    ...options.map((option) => `complete -c slipway ${at} ${flagsOf(option)} -d ${quoted(option.description)}`),
  ];
}

function flagsOf({ flags, takesValue, choices }: OptionWords): string {
  const names = flags.map((flag) => (flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`)).join(" ");
  if (!takesValue) return names;
  return choices.length > 0 ? `${names} -x -a ${quoted(choices.join(" "))}` : `${names} -r -F`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
