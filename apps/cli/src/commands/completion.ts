import { toSlipwayError } from "@slipway/protocol/errors";
import type { Command } from "commander";
import { Argument, Option } from "commander";
import { bashScript } from "../completion/bash.ts";
import { commandWords } from "../completion/command-words.ts";
import { fishScript } from "../completion/fish.ts";
import { zshScript } from "../completion/zsh.ts";
import { connect } from "../connection.ts";

const SHELLS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;
type Shell = keyof typeof SHELLS;

const INSTALL = `
Put one line into your shell's own file; where slipway is an alias, below that:
  bash  ~/.bashrc                   eval "$(slipway completion bash)"
  zsh   ~/.zshrc, after compinit    eval "$(slipway completion zsh)"
  fish  ~/.config/fish/config.fish  slipway completion fish | source`;

/** Time that numbers of jobs may take while somebody waits for a completion, in ms. */
const JOBS_LIMIT_MS = 1_500;

export function addCompletion(program: Command): void {
  program
    .command("completion")
    .summary("commands and options by the Tab key")
    .description("Prints a script that completes commands, options, their values and the numbers of jobs in a shell.")
    .addArgument(new Argument("[shell]", "the shell that is to read it").choices(Object.keys(SHELLS)))
    .addOption(new Option("--jobs", "numbers of the newest jobs instead, for the scripts").hideHelp())
    .addHelpText("after", INSTALL)
    .action(async (shell: Shell | undefined, { jobs }: { jobs?: boolean }, command: Command) => {
      if (jobs) return await printJobs();
      if (shell === undefined) return command.error("error: missing argument 'shell': expected bash, zsh or fish");
      process.stdout.write(SHELLS[shell](commandWords(program)));
    });
}

/** From a server that runs: none is started for a completion. What goes wrong is left to the command that is being typed, which says it better. */
async function printJobs(): Promise<void> {
  try {
    const { client } = await connect({});
    const { jobs } = await client.call("listJobs", { query: { kind: ["task"], limit: 50 }, signal: AbortSignal.timeout(JOBS_LIMIT_MS) });
    for (const { number } of jobs) process.stdout.write(`${number}\n`);
  } catch (error) {
    if (process.env["SLIPWAY_TRACE"] === "1") process.stderr.write(`${toSlipwayError(error).message}\n`);
  }
}
