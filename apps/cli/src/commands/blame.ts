import { SlipwayError } from "@slipway/protocol/errors";
import type { JobDetail } from "@slipway/protocol/job";
import type { Command } from "commander";
import { type JobMark, jobMarks } from "../blame/job-marks.ts";
import { parsePlace } from "../blame/place.ts";
import { readBlame, type Stretch } from "../blame/read-blame.ts";
import { checkoutRoot } from "../checkout/checkout-root.ts";
import type { Screen } from "../terminal/screen.ts";
import { ago, duration, printable } from "../terminal/text.ts";
import { type CommonOptions, screenOf, withCommon } from "./options.ts";
import { withReader } from "./reading.ts";

interface BlameOptions extends CommonOptions {
  readonly offline?: boolean;
}

/** What is known of a job behind a line. */
interface BlamedJob extends JobMark {
  /** Null where no server was asked, or it does not know the job. */
  readonly detail: JobDetail | null;
}

export function addBlame(program: Command): void {
  withCommon(program.command("blame").argument("<place>", "FILE:LINE, or FILE:FROM-TO"))
    .summary("which job wrote a line of this checkout, and why")
    .description(
      "Asks git who wrote the lines, reads the job from the commit's trailers, and asks the server for the rest. Where no server can be asked, the trailers alone are told.",
    )
    .option("--offline", "what the commit itself says; ask no server")
    .action(async (text: string, options: BlameOptions) => {
      const screen = screenOf(options);
      const place = parsePlace(text);
      if ((await checkoutRoot()) === undefined) {
        const hint = "Go to a folder of a git repository first.";
        throw new SlipwayError("INVALID_REQUEST", "The current folder is in no checkout.", { hint });
      }
      const stretches = await readBlame(place, process.cwd());
      const marks = new Map(stretches.map((stretch) => [stretch, jobMarks(stretch.commit?.message ?? "")]));
      const known = options.offline ? { details: new Map(), trouble: undefined } : await ask([...marks.values()].flat(), options);
      const jobsOf = (stretch: Stretch): BlamedJob[] => (marks.get(stretch) ?? []).map((mark) => ({ ...mark, detail: known.details.get(mark.jobId) ?? null }));
      if (known.trouble) screen.warn(`What the commits say is all that is known: ${known.trouble.message}`);
      screen.document({ file: place.file, lines: stretches.map((stretch) => report(stretch, jobsOf(stretch))) });
      for (const stretch of stretches) print(screen, place.file, stretch, jobsOf(stretch));
    });
}

/** The jobs, as far as a server knows them. One that cannot be asked is no failure: the commits are here. */
async function ask(marks: readonly JobMark[], options: CommonOptions): Promise<{ details: ReadonlyMap<string, JobDetail>; trouble: SlipwayError | undefined }> {
  const details = new Map<string, JobDetail>();
  if (marks.length === 0) return { details, trouble: undefined };
  try {
    await withReader(options, async ({ client }) => {
      for (const { jobId } of marks) {
        const detail = await client.call("getJob", { params: { job: jobId } }).catch(nobodyKnows);
        if (detail) details.set(jobId, detail);
      }
    });
    return { details, trouble: undefined };
  } catch (error) {
    if (error instanceof SlipwayError) return { details, trouble: error };
    throw error;
  }
}

/** A job of another installation, or a trailer that somebody wrote by hand. */
function nobodyKnows(error: unknown): undefined {
  if (error instanceof SlipwayError && (error.code === "NOT_FOUND" || error.code === "INVALID_REQUEST")) return undefined;
  throw error;
}

function report({ from, to, file, commit }: Stretch, jobs: readonly BlamedJob[]) {
  return {
    from,
    to,
    file,
    commit: commit && { oid: commit.oid, subject: commit.subject, author: commit.author, at: commit.at },
    jobs: jobs.map(({ jobId, attempt, backend, acceptedBy, detail }) => ({
      id: jobId,
      attempt,
      backend,
      known: detail !== null,
      number: detail?.job.number ?? null,
      title: detail?.job.title ?? null,
      task: detail ? firstLine(detail.job.task) : null,
      submittedBy: detail ? submitter(detail) : null,
      acceptedBy,
      acceptedAs: detail?.acceptedAs.findLast(({ state }) => state === "done")?.number ?? null,
      endedAt: detail?.job.endedAt ?? null,
      receipts: detail ? receiptsOf(detail).map(({ gate, exitCode, durationMs }) => ({ gate, exitCode, durationMs })) : null,
    })),
  };
}

function print(screen: Screen, file: string, stretch: Stretch, jobs: readonly BlamedJob[]): void {
  const { colors } = screen;
  const { from, to, commit } = stretch;
  const lines = `${printable(file)}:${from}${to === from ? "" : `-${to}`}`;
  const commitLine = commit ? `${commit.oid.slice(0, 12)} ${printable(commit.subject)} (${printable(commit.author)}, ${ago(commit.at)})` : "";
  if (jobs.length === 0) screen.print(`${colors.bold(lines)}  ${commit ? `not by a job: commit ${commitLine}` : "not committed yet"}`);
  for (const job of jobs) {
    screen.print(`${colors.bold(lines)}  ${headline(job)}`);
    for (const [name, value] of fields(job, commitLine)) screen.print(`  ${colors.dim(name.padEnd(10))} ${value}`);
    if (job.detail) screen.print(colors.dim(`  More: slipway show ${shownJob(job.detail)}`));
  }
}

function headline({ jobId, detail }: BlamedJob): string {
  return detail ? `job ${detail.job.number} · ${printable(detail.job.title)}` : `job ${printable(jobId)}`;
}

function fields({ attempt, backend, acceptedBy, detail }: BlamedJob, commitLine: string): Array<readonly [string, string]> {
  const byWhom = [backend === null ? undefined : printable(backend), attempt === null ? undefined : `attempt ${attempt}`].filter((text) => text !== undefined);
  const rows: Array<readonly [string, string | undefined]> = [
    ["task", detail ? printable(firstLine(detail.job.task)) : undefined],
    ["backend", byWhom.length > 0 ? byWhom.join(", ") : undefined],
    ["commit", commitLine],
    ["submitted", detail ? (submitter(detail) ?? undefined) : undefined],
    ["accepted", acceptedBy === null ? undefined : `by ${printable(acceptedBy)}, although something was red`],
    ["landed", detail?.job.landedOid && detail.job.endedAt ? `${new Date(detail.job.endedAt).toISOString()} (${ago(detail.job.endedAt)})` : undefined],
    ["receipts", detail?.job.landedOid ? receiptsText(detail) : undefined],
  ];
  return rows.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
}

/** The job whose page tells how the line came here: of accepted work the one that landed it. */
function shownJob({ job, acceptedAs }: JobDetail): number {
  return acceptedAs.findLast(({ state }) => state === "done")?.number ?? job.number;
}

function firstLine(task: string): string {
  return task.trim().split("\n")[0] ?? "";
}

/** Name and role of whoever submitted it, as long as the audit keeps that. */
function submitter({ job, acts }: JobDetail): string | null {
  const act = acts.find((one) => one.madeJob === job.number || (one.action === "submitJob" && one.job === job.number));
  return act ? `${act.by.name} (${act.by.role})` : null;
}

/** The newest receipt of each gate. */
function receiptsOf({ receipts }: JobDetail): JobDetail["receipts"] {
  return [...new Map(receipts.map((receipt) => [receipt.gate, receipt])).values()];
}

function receiptsText(detail: JobDetail): string {
  const texts = receiptsOf(detail).map(
    ({ gate, exitCode, durationMs }) => `${printable(gate)} ${exitCode === 0 ? "passed" : `exit ${exitCode}`} in ${duration(durationMs)}`,
  );
  return texts.length === 0 ? "none: no gate concerned it" : texts.join(", ");
}
