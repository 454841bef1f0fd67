import { defaultCommandName } from "../../apps/cli/src/completion/command-words.ts";
import type { slipwayProgram } from "../../apps/cli/src/program.ts";
import { codeOf, type Page } from "./markdown.ts";

type Command = ReturnType<typeof slipwayProgram>;

/** A use of the command line in a text: the words behind `slipway`, up to where the shell's command ends. */
interface Mention {
  readonly words: readonly string[];
  readonly line: number;
}

const SHELLS = new Set(["sh", "bash", "shell", "console"]);

/** What a page says of commands and options that do not exist, as `path:line: …`. */
export function unknownCommands(program: Command, page: Page): string[] {
  const inBlocks = page.fences.filter(({ info }) => SHELLS.has(info.split(/\s/)[0] ?? "")).flatMap(({ text, line }) => mentionsIn(text, line + 1));
  const inProse = codeOf(page).flatMap(({ text, line }) => mentionsIn(text, line));
  return [...inBlocks, ...inProse].flatMap(({ words, line }) => {
    const problem = problemOf(program, words);
    return problem === undefined ? [] : [`${page.path}:${line}: ${problem}`];
  });
}

/** What one text says of commands that do not exist; for messages and hints. */
export function unknownCommandsIn(program: Command, text: string): string[] {
  return mentionsIn(text, 1).flatMap(({ words }) => problemOf(program, words) ?? []);
}

/** Every option of every command, such as `--json`. */
export function allOptions(program: Command): Set<string> {
  const commands = [program, ...program.commands, ...program.commands.flatMap(({ commands: below }) => below)];
  return new Set(["--help", ...commands.flatMap(({ options }) => options.flatMap(({ long }) => long ?? []))]);
}

/** `slipway` at the start of a shell's command: comments and the insides of quotes are no words, a backslash at a line's end goes on. */
function mentionsIn(text: string, firstLine: number): Mention[] {
  return text
    .replace(/\\\n/g, " \u0000")
    .split("\n")
    .flatMap((joined, index, lines) => {
      const before = lines.slice(0, index).join("").split("\u0000").length - 1;
      const bare = joined
        .replaceAll("\u0000", "")
        .replace(/"(?:\\.|[^"\\])*"|'[^']*'/g, "QUOTED")
        .replace(/(^|\s)#.*$/, "");
      return bare.split(/[|;&()<>`]|\$\(/).flatMap((command) => {
        const [, rest] = /^\s*(?:[A-Z_]+=\S*\s+)*(?:\S*\/)?slipway(?:\s+(.*))?$/.exec(command) ?? [];
        return rest === undefined ? [] : [{ words: rest.trim().split(/\s+/), line: firstLine + index + before }];
      });
    });
}

/** A word in capitals or a placeholder stands for whatever the reader puts there. */
function problemOf(program: Command, words: readonly string[]): string | undefined {
  const [name = "", ...rest] = words.filter((word) => word !== "…" && word !== "");
  if (name.startsWith("-")) return unknownOption([program], [name, ...rest]);
  if (!/^[a-z][a-z-]*$/.test(name)) return undefined;
  let command = commandOf(program, name);
  if (!command) return `slipway has no command \`${name}\``;
  const line = [program, command];
  for (const word of rest) {
    const below: Command | undefined = commandOf(command, word);
    if (!below) break;
    command = below;
    line.push(below);
  }
  // What a group does without a further word, such as `list`.
  const meant = commandOf(command, defaultCommandName(command) ?? "");
  return unknownOption(meant ? [...line, meant] : line, rest);
}

function commandOf(program: Command, name: string): Command | undefined {
  return program.commands.find((command) => command.name() === name || command.aliases().includes(name));
}

function unknownOption(line: readonly Command[], words: readonly string[]): string | undefined {
  const known = new Set(["-h", "--help", ...line.flatMap(({ options }) => options.flatMap(({ long, short }) => [long, short]))]);
  for (const word of words) {
    const [option] = /^--?[a-z][a-z-]*/i.exec(word) ?? [];
    if (option !== undefined && !known.has(option)) return `\`${line.map((command) => command.name()).join(" ")}\` has no option \`${option}\``;
  }
  return undefined;
}
