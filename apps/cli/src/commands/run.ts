import { SlipwayError } from "@slipway/protocol/errors";
import type { JobEvent } from "@slipway/protocol/events";
import type { JobDetail, JobView } from "@slipway/protocol/job";
import type { Command } from "commander";
import { gateCount } from "../checkout/gate-count.ts";
import type { Checkout } from "../checkout/publish.ts";
import { ALL_PARTS, type Connection, connect, disconnect, JOB_PARTS } from "../connection.ts";
import { EXIT_CODES, exitCodeOfState } from "../exit-codes.ts";
import { followJob } from "../follow/follow-job.ts";
import { Interrupts } from "../follow/interrupts.ts";
import { printEnding, sandboxOf } from "../follow/outcome.ts";
import { ProgressView } from "../follow/progress-view.ts";
import { StatusLine } from "../follow/status-line.ts";
import { WaitingNotes } from "../follow/waiting-notes.ts";
import { printStackReport } from "../stack/print-report.ts";
import { readTask, taskSource } from "../task/read-task.ts";
import type { Screen } from "../terminal/screen.ts";
import { printable } from "../terminal/text.ts";
import { printAnswer } from "./answer.ts";
import { isDeliveredElsewhere, printDelivered } from "./delivery.ts";
import { draftHere, type JobOptions, jobHeading, mayNeedModel, type Submitted, submitFrom, withJobOptions } from "./job-options.ts";
import { landedReport, printLanded, takeLanded } from "./landed.ts";
import { exitWith, screenOf, withCommon } from "./options.ts";
import { pageOf } from "./page.ts";
import { defaultTask, withTaskArgument } from "./task-argument.ts";
import { printReview } from "./verdict.ts";

interface RunOptions extends JobOptions {
  readonly detach?: boolean;
  readonly verbose?: boolean;
  readonly bell?: boolean;
}

export function addRun(program: Command): void {
  withCommon(withJobOptions(withTaskArgument(program.command("run"))))
    .summary("hand a task to an agent, follow it, get a tested commit")
    .description(
      "Submits a task for the git repository around the current folder, follows it and brings the result back as a new branch.\nUses the server that runs; where none does, starts one for the time of the command.",
    )
    .option("-v, --verbose", "show the log and the small steps too")
    .option("--bell", "ring the terminal's bell when the job has ended, or needs you")
    .option("--detach", "end as soon as the job is submitted; it goes on in the background")
    .action(runCommand);
}

/** How following a job ended. */
type Ending = { readonly kind: "over"; readonly detail: JobDetail } | { readonly kind: "detached" } | { readonly kind: "cancelled" };

async function runCommand(argument: string | undefined, options: RunOptions): Promise<void> {
  const screen = screenOf(options);
  const source = taskSource(argument ?? defaultTask(options), options);
  const draft = await draftHere(screen, options);
  const { checkout } = draft;
  using task = await readTask(source);
  // Where the agent needs no model nobody waits for the gateway; other commands may give work to this server that does need it.
  const parts = mayNeedModel(draft) ? { start: ALL_PARTS } : { start: JOB_PARTS, later: ["gateway"] as const };
  const connection = await connect({ data: options.data, ...parts, sandbox: options.sandbox, onReport: (report) => printStackReport(screen, report) });
  if (connection.stack) screen.progress(screen.colors.dim(`Started ${connection.how}.`));
  if (connection.sandbox === "none") screen.warn("sandbox: none – the agent runs without isolation, as you.");
  let leave: "idle" | "background" = "idle";
  try {
    const submitted = await submitFrom(screen, connection, draft, task.text, options, "interactive");
    task.discard();
    if (submitted.deduplicated) screen.progress(screen.colors.yellow(`A job with the same key is at work already: job ${submitted.job.number}.`));
    screen.progress(jobHeading(screen, submitted.job, checkout));
    const page = await pageOf(screen, connection, submitted.job.number);
    if (page !== undefined) screen.progress(screen.colors.dim(page));
    const ending: Ending = options.detach ? { kind: "detached" } : await follow(connection, submitted, checkout, screen, options);
    if (ending.kind === "detached") leave = "background";
    if (options.bell && ending.kind === "over" && process.stderr.isTTY) process.stderr.write("\x07");
    await conclude(screen, connection, checkout, submitted, ending, options);
  } finally {
    const { livesOn } = await disconnect(connection, leave);
    if (livesOn && leave === "idle") screen.progress(screen.colors.dim("Other jobs are at work; the server stays until they have ended."));
  }
}

async function conclude(screen: Screen, connection: Connection, checkout: Checkout, submitted: Submitted, ending: Ending, options: RunOptions): Promise<void> {
  const { number } = submitted.job;
  if (ending.kind === "detached") {
    screen.print(`job ${number} goes on in the background.`);
    for (const [what, command] of [
      ["look", "logs -f"],
      ["take the result", "fetch"],
      ["end it", "cancel"],
    ] as const)
      screen.print(screen.colors.dim(`  ${what.padEnd(16)} slipway ${command} ${number}`));
    screen.document({ job: submitted.job });
    return;
  }
  if (ending.kind === "cancelled") {
    screen.print(`job ${number} was cancelled.`);
    screen.document({ job: submitted.job, cancelled: true });
    return exitWith(EXIT_CODES.interrupted.code);
  }
  const { detail } = ending;
  if (detail.job.state !== "done") {
    printEnding(screen, detail);
    screen.document({ ...detail, sandbox: sandboxOf(detail) });
    return exitWith(exitCodeOfState(detail.job.state));
  }
  if (detail.job.taskKind === "review") return await printReview(screen, connection.client, detail);
  if (detail.job.readOnly) return await printAnswer(screen, connection.client, detail);
  if (isDeliveredElsewhere(detail.job)) {
    printDelivered(screen, detail);
    return screen.document({ ...detail, sandbox: sandboxOf(detail) });
  }
  const taken = await takeLanded(connection, detail.job, checkout.root, options.into);
  await printLanded(screen, detail, checkout, taken, options.into !== undefined);
  screen.document(landedReport(detail, taken));
}

/** Shows the job until its end; Ctrl-C asks on a terminal, and cancels where there is none. */
async function follow(connection: Connection, { job }: Submitted, checkout: Checkout, screen: Screen, options: RunOptions): Promise<Ending> {
  const view = new ProgressView(screen, { verbose: options.verbose ?? false, budget: job.budget });
  using status = screen.isLive ? new StatusLine(screen, `job ${job.number}`, job.budget) : undefined;
  if (status) void gateCount(checkout.root, job.baseOid).then((count) => count !== undefined && status.expectGates(count));
  using waiting = new WaitingNotes(connection.client, job.id, (text) => view.note({ tone: "warning", text: printable(text) }));
  const onEvent = (event: JobEvent): void => {
    view.show(event);
    status?.see(event);
    waiting.see(event);
  };
  let choice: "detach" | "cancel" | undefined;
  using interrupts = new Interrupts(() => {
    void decide(screen, job).then((decision) => {
      if (decision === "go-on") return interrupts.reset();
      choice = decision;
      interrupts.abort();
    });
  });
  try {
    const detail = await followJob(connection.client, job.id, screen, { signal: interrupts.signal, onEvent });
    return { kind: "over", detail };
  } catch (error) {
    if (choice === "detach") return { kind: "detached" };
    if (choice !== "cancel") throw error;
    return await cancel(connection, job, screen);
  }
}

async function decide(screen: Screen, job: JobView): Promise<"detach" | "cancel" | "go-on"> {
  if (!screen.interactive || screen.json) return "cancel";
  screen.hold();
  process.stdout.write("\n");
  const { select } = await import("@clack/prompts");
  const answer = await select({
    message: `Job ${job.number} is at work.`,
    options: [
      { value: "cancel" as const, label: "Cancel it" },
      { value: "detach" as const, label: "Detach", hint: "it goes on in the background" },
      { value: "go-on" as const, label: "Go on watching" },
    ],
  });
  screen.release();
  // Ctrl-C at the question itself means the same as the first one.
  return typeof answer === "symbol" ? "cancel" : answer;
}

/** Cancels; a job that was about to land or has ended keeps its own ending. */
async function cancel(connection: Connection, job: JobView, screen: Screen): Promise<Ending> {
  screen.progress(screen.colors.yellow(`           ! cancelling job ${job.number} …`));
  const signal = AbortSignal.timeout(10_000);
  try {
    await connection.client.call("cancelJob", { params: { job: job.id }, body: { reason: "Ctrl-C in `slipway run`" }, signal });
    return { kind: "cancelled" };
  } catch (error) {
    if (!(error instanceof SlipwayError) || error.code !== "CONFLICT") throw error;
    return { kind: "over", detail: await connection.client.call("getJob", { params: { job: job.id }, query: { waitMs: 10_000 } }) };
  }
}
