import { describeCheckout } from "@slipway/git/checkout";
import { SlipwayError } from "@slipway/protocol/errors";
import type { Command } from "commander";
import { isNameOf } from "../checkout/repository-name.ts";
import { takeKept, takeNotes, takeResult } from "../checkout/take-result.ts";
import { exitCodeOfState } from "../exit-codes.ts";
import { hasKeptWork } from "../follow/outcome.ts";
import { parseBranch } from "../terminal/parse.ts";
import { keptReport, printKept } from "./kept.ts";
import { landedReport, printLanded } from "./landed.ts";
import { type CommonOptions, exitWith, screenOf, withCommon } from "./options.ts";
import { JOB_ARGUMENT, withReader } from "./reading.ts";

export function addFetch(program: Command): void {
  withCommon(program.command("fetch").argument(...JOB_ARGUMENT))
    .summary("bring a job's branch into this repository")
    .description(
      "For jobs that were submitted or detached. Waits for nothing: the job must have landed.\nOf one that ended without landing it brings what is kept of the agent's work, not verified, on a branch of its own; the exit code still tells that it failed.",
    )
    .option("--notes", "the notes of landed commits too, with what each can be shown by: `git log --notes=slipway`")
    .option("--into <branch>", "branch of this repository that gets it (default: the job's own)", parseBranch)
    .action(async (job: string, options: CommonOptions & { into?: string; notes?: boolean }) => {
      const screen = screenOf(options);
      const checkout = await describeCheckout(process.cwd());
      await withReader(options, async (connection) => {
        const detail = await connection.client.call("getJob", { params: { job } });
        if (!isNameOf(checkout.root, detail.job.repo.name)) {
          throw new SlipwayError(
            "CONFLICT",
            `Job ${detail.job.number} is of the repository ${detail.job.repo.name}, which is not the one around the current folder.`,
            { hint: "Go to the folder that the job was submitted from." },
          );
        }
        if (hasKeptWork(detail)) {
          const taken = await takeKept(connection, detail, checkout.root, options.into);
          await printKept(screen, detail, checkout, taken);
          screen.document(keptReport(detail, taken));
          return exitWith(exitCodeOfState(detail.job.state));
        }
        if (detail.job.landedOid === null) {
          screen.document(detail);
          screen.print(`job ${detail.job.number} is ${detail.job.state}; there is nothing to take${detail.job.endedAt === null ? " yet" : ""}.`);
          return exitWith(detail.job.endedAt === null ? 2 : exitCodeOfState(detail.job.state));
        }
        const taken = await takeResult(connection, detail.job, checkout.root, options.into);
        if (options.notes && !(await takeNotes(connection, detail.job, checkout.root))) screen.warn("The hub has no notes of this repository.");
        await printLanded(screen, detail, checkout, taken, options.into !== undefined);
        screen.document(landedReport(detail, taken));
      });
    });
}
