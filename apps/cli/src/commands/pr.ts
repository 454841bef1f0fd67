import type { Command } from "commander";
import { printable, wrap } from "../terminal/text.ts";
import { type CommonOptions, screenOf, withCommon } from "./options.ts";
import { JOB_ARGUMENT, withReader } from "./reading.ts";

/** What a person does with a job's pull request from here. */
export function addPr(program: Command): void {
  const pr = program.command("pr").summary("the pull request of a job: look at it now, or close it");
  withCommon(pr.command("sync").argument(...JOB_ARGUMENT))
    .summary("look at a job's pull request now")
    .description("The server looks by itself, about once a minute at first. What a review asks for becomes a job that revises the branch.")
    .action(async (job: string, options: CommonOptions) => {
      const screen = screenOf(options);
      const answer = await withReader(options, ({ client }) => client.call("syncPullRequest", { params: { job }, body: {} }));
      screen.document(answer);
      const pullRequest = answer.job.delivery?.pullRequest;
      if (pullRequest) screen.print(`${printable(pullRequest.url)} is ${pullRequest.state}`);
      for (const line of wrap(printable(answer.note), screen.width)) screen.print(line);
      if (answer.revision) screen.print(screen.colors.dim(`Follow: slipway logs -f ${answer.revision.number}`));
    });
  withCommon(pr.command("close").argument(...JOB_ARGUMENT))
    .summary("close a job's pull request unmerged")
    .description("Its branch stays. `slipway cancel` of a job that is done does the same.")
    .action(async (job: string, options: CommonOptions) => {
      const screen = screenOf(options);
      const answer = await withReader(options, ({ client }) => client.call("closePullRequest", { params: { job }, body: {} }));
      screen.document(answer);
      const pullRequest = answer.job.delivery?.pullRequest;
      if (pullRequest) screen.print(`${printable(pullRequest.url)} is ${pullRequest.state}`);
    });
}
