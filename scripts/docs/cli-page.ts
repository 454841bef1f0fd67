import { EXAMPLES, leafCommands } from "@slipway/cli/examples";
import { EXIT_CODES, exitCodesOf } from "@slipway/cli/exit-codes";
import { slipwayProgram } from "@slipway/cli/program";

type Command = ReturnType<typeof slipwayProgram>;
type Option = Command["options"][number];
type Argument = Command["registeredArguments"][number];

/** The page of all commands: usage, arguments, options with their values and defaults, examples and exit codes, from the program itself. */
export function cliPage(note: string): string {
  const commands = leafCommands(slipwayProgram());
  const link = (path: string): string => `[\`slipway ${path}\`](#slipway-${path.replaceAll(" ", "-")})`;
  return [
    note,
    "# The command line",
    "",
    "Options come anywhere after the command. Results go to standard output, warnings and errors to standard error; with `--json` standard output holds one JSON",
    "document, an error too; times in it are ISO 8601 in UTC (in the HTTP API they are milliseconds since 1970). Colours only on a terminal and without `NO_COLOR`. The environment variables are on [the configuration page](configuration.md#environment).",
    "",
    "## Exit codes",
    "",
    "| code | when |",
    "|---|---|",
    ...Object.values(EXIT_CODES).map(({ code, when }) => row([String(code), when])),
    "",
    "They do not change between versions. The codes of errors are on [the errors page](errors.md).",
    "",
    "## Commands",
    "",
    "| command | what it does |",
    "|---|---|",
    ...commands.map(({ path, command }) => row([link(path), command.summary()])),
    "",
    ...commands.flatMap(({ path, command }) => commandPart(path, command)),
  ].join("\n");
}

function commandPart(path: string, command: Command): string[] {
  const help = command.createHelp();
  const options = help.visibleOptions(command).filter(({ long }) => long !== "--help");
  const examples = EXAMPLES[path] ?? [];
  return [
    `## slipway ${path}`,
    "",
    ...(command.description() || `${command.summary()}.`).split("\n").flatMap((line) => [line.replace(/^./, (first) => first.toUpperCase()), ""]),
    "```text",
    help.commandUsage(command),
    "```",
    "",
    ...table("argument", command.registeredArguments.map(argumentRow)),
    ...table("option", options.map(optionRow)),
    ...(examples.length === 0 ? [] : ["```sh", ...examples, "```", ""]),
    `Exit codes: ${exitCodesOf(path).join(", ")}.`,
    "",
  ];
}

function table(what: string, rows: readonly string[]): string[] {
  return rows.length === 0 ? [] : [`| ${what} | what it is | without it |`, "|---|---|---|", ...rows, ""];
}

function argumentRow(argument: Argument): string {
  const name = argument.required ? `<${argument.name()}>` : `[${argument.name()}]`;
  return row([`\`${name}\``, described(argument.description, argument.argChoices), argument.required ? "needed" : fallback(argument.defaultValue)]);
}

function optionRow(option: Option): string {
  // Commander gives an option such as --no-wait the default true: it is on until it is left.
  const without = option.mandatory ? "needed" : option.negate ? "" : fallback(option.defaultValue);
  return row([`\`${option.flags}\``, described(option.description, option.argChoices), without]);
}

function described(description: string, choices: readonly string[] | undefined): string {
  return choices === undefined ? description : `${description}; one of ${choices.map((choice) => `\`${choice}\``).join(", ")}`;
}

function fallback(value: unknown): string {
  return value === undefined || value === false ? "" : `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
}

/** A bar would end the cell, and what stands in angle brackets outside of code would be taken for HTML. */
function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}
