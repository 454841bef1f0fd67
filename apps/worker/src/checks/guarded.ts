import { posix } from "node:path";
import type { FileDiff } from "@slipway/git/diff";
import { pathMatcher } from "../job/path-globs.ts";
import type { CheckInput, Finding } from "./finding.ts";

/** What judges the change: the repository's guarded paths, and whatever its gates run. */
export function checkGuarded({ files, config, gates }: CheckInput): Finding[] {
  const isGuarded = pathMatcher(config.guardedPaths);
  const commands = gates.map(({ name, run }) => ({ name, run, cwd: "." }));
  return files.flatMap((file): Finding[] => {
    if (isGuarded(file.path))
      return [{ path: file.path, message: `What judges the change is ${file.status}: gates, CI, test settings and agents' instructions are not the agent's.` }];
    const gate = commands.find((command) => namesFile(command, file.path));
    if (gate && file.status !== "added") return [{ path: file.path, message: `The gate ${gate.name} runs this file, and it is ${file.status}.` }];
    return changedScripts(file, commands);
  });
}

interface Command {
  readonly name: string;
  readonly run: string;
  readonly cwd: string;
}

/** Whether a gate's command names a file, such as `sh scripts/check.sh`, or a Makefile that its `make` reads. */
function namesFile({ run, cwd }: Command, path: string): boolean {
  const inside = cwd === "." ? path : posix.relative(cwd, path);
  const words = run.split(/[\s;&|()<>"'`]+/).map((word) => word.replace(/^\.\//, ""));
  if (words.includes(inside) && !isTested(path)) return true;
  return words.includes("make") && /^(GNU)?[Mm]akefile$/.test(inside);
}

/** A gate may name the very test that a job is to write: that is the tests' own check's. */
function isTested(path: string): boolean {
  return /\.(test|spec)\.[^/.]+$|(^|\/)(test_[^/]*|[^/]*_test)\.[^/.]+$|(^|\/)(tests?|__tests__|spec)\//.test(path);
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
