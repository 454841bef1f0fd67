import type { Command } from "commander";
import { wholeNumber } from "../terminal/parse.ts";
import type { Screen } from "../terminal/screen.ts";
import { duration, printable, wrap } from "../terminal/text.ts";
import { paintState } from "./jobs.ts";
import { type CommonOptions, screenOf, withCommon } from "./options.ts";
import { pageOf } from "./page.ts";
import { JOB_ARGUMENT, withReader } from "./reading.ts";

/** The small commands on one job: diff, steer, cancel, retry, replay, explain. */
export function addJobActions(program: Command): void {
  withCommon(program.command("diff").argument(...JOB_ARGUMENT))
    .summary("the job's change as a patch")
    .option("--change <id>", "which change: 2 is what attempt 2 ended with, 2.1 its first one that was sent back (default: the newest)")
    .option("--since <id>", "what has changed since that one (default: since what it was made on)")
    .action(async (job: string, options: CommonOptions & { change?: string; since?: string }) => {
      const screen = screenOf(options);
      const { change, since } = options;
      const query = { ...(change === undefined ? {} : { change }), ...(since === undefined ? {} : { since }) };
      const patch = await withReader(options, ({ client }) => client.diff(job, query));
      screen.document({ job, patch });
      if (!screen.json) for (const line of patch.replace(/\n$/, "").split("\n")) screen.print(paintPatch(screen, line));
    });
  withCommon(
    program
      .command("steer")
      .argument(...JOB_ARGUMENT)
      .argument("<message>", "what to tell the agent"),
  )
    .summary("send a message to a job's agent in the middle of its turn")
    .description(
      "The message arrives at most once, and shows in the job's events when the agent takes it. Not every agent can be steered: `slipway backends` says which.",
    )
    .action(async (job: string, text: string, options: CommonOptions) => {
      const screen = screenOf(options);
      const answer = await withReader(options, ({ client }) => client.call("steerJob", { params: { job }, body: { text } }));
      screen.document(answer);
      screen.print(`sent to the agent of job ${answer.job.number}`);
      screen.print(screen.colors.dim(`Follow: slipway logs -f ${answer.job.number}`));
    });
  withCommon(program.command("cancel").argument(...JOB_ARGUMENT))
    .summary("cancel a job")
    .option("--reason <text>", "kept with the job")
    .action(async (job: string, options: CommonOptions & { reason?: string }) => {
      const screen = screenOf(options);
      const body = options.reason === undefined ? {} : { reason: options.reason };
      const answer = await withReader(options, ({ client }) => client.call("cancelJob", { params: { job }, body }));
      screen.document(answer);
      screen.print(`job ${answer.job.number} ${paintState(screen, answer.job.state)}`);
    });
  withCommon(program.command("retry").argument(...JOB_ARGUMENT))
    .summary("queue a blocked job again, or submit an ended one anew")
    .action(async (job: string, options: CommonOptions) => {
      const screen = screenOf(options);
      const { answer, alone } = await withReader(options, async ({ client, stack }) => ({
        answer: await client.call("retryJob", { params: { job }, body: {} }),
        alone: stack !== undefined,
      }));
      screen.document(answer);
      screen.print(`job ${answer.job.number} ${paintState(screen, answer.job.state)}${answer.job.retryOf ? ` (a new try of job ${job})` : ""}`);
      if (alone) screen.print(screen.colors.dim("No worker runs: the next `slipway up` or `slipway run` takes it up."));
      else screen.print(screen.colors.dim(`Follow: slipway logs -f ${answer.job.number}`));
    });
  withCommon(program.command("replay").argument(...JOB_ARGUMENT))
    .summary("play a recorded job again, without a model")
    .description(
      "Submits the job anew, from the same commit, its model calls answered from what was recorded with `slipway run --record`: no key, no network, no cost. It lands on a branch of its own.",
    )
    .option("--attempt <n>", "which attempt's recording (default: the newest)", wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .action(async (job: string, options: CommonOptions & { attempt?: number }) => {
      const screen = screenOf(options);
      const body = options.attempt === undefined ? {} : { attempt: options.attempt };
      const { answer, alone } = await withReader(options, async ({ client, stack }) => ({
        answer: await client.call("replayJob", { params: { job }, body }),
        alone: stack !== undefined,
      }));
      screen.document(answer);
      const { number, state, replay } = answer.job;
      screen.print(`job ${number} ${paintState(screen, state)} (a replay of job ${replay?.number}, attempt ${replay?.fence})`);
      if (alone) screen.print(screen.colors.dim("No worker runs: the next `slipway up` or `slipway run` takes it up."));
      else screen.print(screen.colors.dim(`Follow: slipway logs -f ${number}`));
    });
  withCommon(program.command("explain").argument(...JOB_ARGUMENT))
    .summary("why the job is where it is, and who acts next")
    .action(async (job: string, options: CommonOptions) => {
      const screen = screenOf(options);
      const { explanation, page } = await withReader(options, async (connection) => ({
        explanation: await connection.client.call("explainJob", { params: { job } }),
        page: await pageOf(screen, connection, job),
      }));
      screen.document(explanation);
      const left = explanation.deadline === null ? "none" : deadlineText(explanation.deadline);
      for (const [name, text] of [
        ["state", paintState(screen, explanation.state)],
        ["reason", explanation.reason],
        ["owner", explanation.owner],
        ["deadline", left],
        ["unblock", explanation.unblock],
        ...explanation.candidates.map(({ backend, taken, reason }) => ["backend", `${taken ? backend : `not ${backend}`}: ${printable(reason)}`] as const),
      ] as const) {
        for (const [index, line] of wrap(text, screen.width - 12).entries())
          screen.print(`  ${screen.colors.dim((index === 0 ? name : "").padEnd(9))} ${line}`);
      }
      // Not wrapped: in two pieces it could not be opened.
      if (page !== undefined) screen.print(`  ${screen.colors.dim("page".padEnd(9))} ${page}`);
    });
}

function deadlineText(at: number): string {
  const left = at - Date.now();
  return left > 0 ? `in ${duration(left)}` : `${duration(-left)} ago`;
}

function paintPatch(screen: Screen, line: string): string {
  const { colors } = screen;
  if (/^(diff|index|---|\+\+\+) /.test(line)) return colors.bold(line);
  if (line.startsWith("@@")) return colors.cyan(line);
  if (line.startsWith("+")) return colors.green(line);
  return line.startsWith("-") ? colors.red(line) : line;
}
