import type { Command } from "commander";
import { connect, disconnect } from "../connection.ts";
import { draftHere, type JobOptions, submitFrom, withJobOptions } from "./job-options.ts";
import { screenOf, withCommon } from "./options.ts";

export function addSubmit(program: Command): void {
  withCommon(withJobOptions(program.command("submit").argument("<task>", "what the agent should do, in plain words")))
    .summary("submit a task without following it")
    .description("Submits a task for the git repository around the current folder to the server that runs. `slipway fetch JOB` takes the result later.")
    .action(async (task: string, options: JobOptions) => {
      const screen = screenOf(options);
      const draft = await draftHere(screen, options);
      const connection = await connect({ data: options.data });
      try {
        const { job, deduplicated } = await submitFrom(screen, connection, draft, task, options, undefined);
        screen.print(`${deduplicated ? "a job with the same key is at work already: " : "submitted "}job ${job.number} · ${job.title}`);
        screen.print(screen.colors.dim(`Follow: slipway logs -f ${job.number}   Take the result: slipway fetch ${job.number}`));
        screen.document({ job, deduplicated });
      } finally {
        await disconnect(connection);
      }
    });
}
