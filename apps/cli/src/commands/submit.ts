import type { Command } from "commander";
import { connect, disconnect } from "../connection.ts";
import { readTask, taskSource } from "../task/read-task.ts";
import { draftHere, type JobOptions, submitFrom, withJobOptions } from "./job-options.ts";
import { screenOf, withCommon } from "./options.ts";
import { defaultTask, withTaskArgument } from "./task-argument.ts";

export function addSubmit(program: Command): void {
  withCommon(withJobOptions(withTaskArgument(program.command("submit"))))
    .summary("submit a task without following it")
    .description("Submits a task for the git repository around the current folder to the server that runs. `slipway fetch JOB` takes the result later.")
    .action(async (argument: string | undefined, options: JobOptions) => {
      const screen = screenOf(options);
      const source = taskSource(argument ?? defaultTask(options), options);
      const draft = await draftHere(screen, options);
      using task = await readTask(source);
      const connection = await connect({ data: options.data });
      try {
        const { job, deduplicated } = await submitFrom(screen, connection, draft, task.text, options, undefined);
        task.discard();
        screen.print(`${deduplicated ? "a job with the same key is at work already: " : "submitted "}job ${job.number} · ${job.title}`);
        screen.print(screen.colors.dim(`Follow: slipway logs -f ${job.number}   Take the result: slipway fetch ${job.number}`));
        screen.document({ job, deduplicated });
      } finally {
        await disconnect(connection);
      }
    });
}
