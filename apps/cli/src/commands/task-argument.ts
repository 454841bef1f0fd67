import type { Command } from "commander";
import { type KindOptions, taskOfKind } from "./kind-options.ts";

/** What `run` and `submit` take as their task; `task/read-task.ts` reads it. */
export function withTaskArgument(command: Command): Command {
  return command
    .argument("[task]", "what the agent should do, in plain words; `-` reads it from standard input; without one, an editor opens on a terminal")
    .option("--task-file <file>", "file with the task; `-` for standard input");
}

/** The task where none was given, for a kind that can do without one. */
export function defaultTask({ kind, taskFile }: KindOptions & { readonly taskFile?: string }): string | undefined {
  return taskFile === undefined ? taskOfKind(kind) : undefined;
}
