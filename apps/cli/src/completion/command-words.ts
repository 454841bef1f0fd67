import type { Command, Option } from "commander";

/** An option as a shell completes it. */
export interface OptionWords {
  /** Such as `-f` and `--follow`. */
  readonly flags: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  /** The values it may have; empty where any will do. */
  readonly choices: readonly string[];
}

/** A command as a shell completes it. */
export interface CommandWords {
  /** Its words after `slipway`, such as `repos add`; empty for the program itself. */
  readonly path: string;
  readonly name: string;
  readonly summary: string;
  readonly subcommands: readonly CommandWords[];
  readonly options: readonly OptionWords[];
  /** What its first argument may be: values, or numbers of jobs. */
  readonly argument: readonly string[] | "job";
}

/** The commands, options and values of a program, read from commander's own table. Hidden ones are left out. */
export function commandWords(program: Command): CommandWords {
  return wordsOf(program, "");
}

/** The command and all below it. */
export function allCommands(words: CommandWords): CommandWords[] {
  return [words, ...words.subcommands.flatMap(allCommands)];
}

function wordsOf(command: Command, path: string): CommandWords {
  const help = command.createHelp();
  const subcommands = help
    .visibleCommands(command)
    .filter((sub) => sub.name() !== "help")
    .map((sub) => wordsOf(sub, `${path} ${sub.name()}`.trim()));
  // What is typed without a word for the subcommand goes to the one that is meant then.
  const usual = subcommands.find(({ name }) => name === defaultCommandName(command));
  const own = help.visibleOptions(command).map(optionWords);
  const [argument] = command.registeredArguments;
  return {
    path,
    name: command.name(),
    summary: command.summary() || command.description(),
    subcommands,
    options: [...own, ...(usual?.options ?? []).filter(({ flags }) => !own.some((option) => option.flags.includes(flags.at(-1) ?? "")))],
    argument: argument?.argChoices ?? (argument?.name() === "job" ? "job" : []),
  };
}

/** Commander tells it in the usage alone. */
export function defaultCommandName(command: Command): string | undefined {
  return (command as unknown as { _defaultCommandName?: string | null })._defaultCommandName ?? undefined;
}

function optionWords(option: Option): OptionWords {
  return {
    flags: [option.short, option.long].filter((flag) => flag !== undefined),
    description: option.description,
    takesValue: option.required || option.optional,
    choices: option.argChoices ?? [],
  };
}
