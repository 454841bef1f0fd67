import type { Command } from "commander";

/** What `run` and `submit` take as their task; `task/read-task.ts` reads it. */
export function withTaskArgument(command: Command): Command {
  return command
    .argument("[task]", "what the agent should do, in plain words; `-` reads it from standard input; without one, an editor opens on a terminal")
    .option("--task-file <file>", "file with the task; `-` for standard input");
}
