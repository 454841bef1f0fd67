import { posix } from "node:path";
import type { FileDiff } from "@slipway/git/diff";
import { pathMatcher } from "../job/path-globs.ts";
import type { CheckInput, Finding } from "./finding.ts";

/** What judges the change: the repository's guarded paths, and whatever its gates run. */
export function checkGuarded({ files, config, gates }: CheckInput): Finding[] {
  const isGuarded = pathMatcher(config.guardedPaths);
  const commands = gates.map(({ name, run, cwd = "." }) => ({ name, run, cwd }));
  return files.flatMap((file): Finding[] => {
    if (isGuarded(file.path))
      return [{ path: file.path, message: `What judges the change is ${file.status}: gates, CI, test settings and agents' instructions are not the agent's.` }];
    const gate = commands.find((command) => runsFile(command, file.path));
    if (gate && file.status !== "added") return [{ path: file.path, message: `The gate ${gate.name} runs this file, and it is ${file.status}.` }];
    return changedScripts(file, commands);
  });
}

interface Command {
  readonly name: string;
  readonly run: string;
  readonly cwd: string;
}

const SHELLS = new Set(["sh", "bash", "dash", "zsh"]);
const LANGUAGES = new Set(["node", "python", "python3", "ruby", "perl", "deno", "bun", "tsx", "php"]);
/** What stands before a command and is none. */
const BEFORE = new Set(["!", "exec", "env", "time", "nice", "then", "else", "do", "if", "while", "until"]);

/** Whether a gate's command runs a file, such as `sh scripts/check.sh`, or a Makefile that its `make` reads. What it gives a program to read is the change's own. */
function runsFile({ run, cwd }: Command, path: string): boolean {
  const inside = cwd === "." ? path : posix.relative(cwd, path);
  return run.split(/&&|\|\||[;|&\n(){}]/).some((part) => {
    const words = part
      .trim()
      .split(/\s+/)
      .map((word) => word.replace(/^["']|["']$/g, "").replace(/^\.\//, ""));
    const first = words.findIndex((word) => !BEFORE.has(word) && !/^\w+=/.test(word));
    const program = words[first] ?? "";
    const argument = words.slice(first + 1).find((word) => !word.startsWith("-"));
    if (program === inside || (SHELLS.has(program) && argument === inside)) return true;
    // A program of the repository may be what the change is about; one that checks is not.
    if (LANGUAGES.has(program) && argument === inside) return judges(inside);
    return program === "make" && /^(GNU)?[Mm]akefile$/.test(inside);
  });
}

function judges(path: string): boolean {
  return /(^|\/)(scripts|tools|ci|hack)\/|(check|lint|verify|gate)[^/]*$/i.test(path) && !/\.(test|spec)\.[^/.]+$/.test(path);
}

/** The scripts of a package.json that gates run, `pretest` and `posttest` with them. */
function changedScripts({ path, before, after }: FileDiff, commands: readonly Command[]): Finding[] {
  if (posix.basename(path) !== "package.json" || before === undefined) return [];
  const [was, is] = [scriptsOf(before), scriptsOf(after ?? "")];
  const names = new Set([...Object.keys(was), ...Object.keys(is)]);
  return [...names].flatMap((name): Finding[] => {
    if (was[name] === is[name]) return [];
    const script = name.replace(/^(pre|post)/, "");
    const gate = commands.find(({ run }) => runsScript(run, name) || (script !== name && runsScript(run, script)));
    return gate ? [{ path, message: `The script \`${name}\`, which the gate ${gate.name} runs, is changed: \`${(is[name] ?? "gone").slice(0, 200)}\`.` }] : [];
  });
}

function runsScript(run: string, name: string): boolean {
  const words = run.split(/[\s;&|()]+/);
  const programs = ["npm", "pnpm", "yarn", "bun"];
  return words.some((word, index) => {
    if (!programs.includes(word)) return false;
    const [first, second] = words.slice(index + 1).filter((next) => !next.startsWith("-"));
    return first === name || (first === "t" && name === "test") || ((first === "run" || first === "run-script") && second === name);
  });
}

function scriptsOf(text: string): Record<string, string> {
  try {
    const { scripts } = JSON.parse(text) as { scripts?: unknown };
    return typeof scripts === "object" && scripts !== null ? (scripts as Record<string, string>) : {};
  } catch {
    // Torn, or no JSON: then every script that was there is gone.
    return {};
  }
}
