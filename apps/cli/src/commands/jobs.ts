import { describeCheckout } from "@slipway/git/checkout";
import { JOB_KINDS, type JobKind, type JobView, LANES, type Lane } from "@slipway/protocol/job";
import { JOB_STATES, type JobState } from "@slipway/protocol/states";
import type { Command } from "commander";
import { Option } from "commander";
import { repositoryName } from "../checkout/repository-name.ts";
import { wholeNumber } from "../terminal/parse.ts";
import type { Screen } from "../terminal/screen.ts";
import { type Column, tableLines } from "../terminal/table.ts";
import { ago, duration, printable } from "../terminal/text.ts";
import { type CommonOptions, screenOf, withCommon } from "./options.ts";
import { withReader } from "./reading.ts";

interface JobsOptions extends CommonOptions {
  readonly state?: JobState[];
  readonly kind?: JobKind;
  readonly lane?: Lane;
  readonly repo?: string;
  readonly here?: boolean;
  readonly limit: number;
  readonly cursor?: string;
}

export function addJobs(program: Command): void {
  withCommon(program.command("jobs"))
    .summary("list jobs, newest first")
    .description("Lists jobs, newest first; tasks only, unless --kind says otherwise.")
    .addOption(new Option("--state <state...>", "only in these states").choices([...JOB_STATES]))
    .addOption(new Option("--kind <kind>", "task or verify").choices([...JOB_KINDS]).default("task"))
    .addOption(new Option("--lane <lane>", "only in this lane").choices([...LANES]))
    .option("--repo <name>", "only of this repository, by name or id")
    .option("--here", "only of the repository around the current folder")
    .option("--limit <n>", "jobs on a page", wholeNumber(1, 200), 20)
    .option("--cursor <cursor>", "the next page, as the last one printed it")
    .action(async (options: JobsOptions) => {
      const screen = screenOf(options);
      const repo = options.here ? repositoryName((await describeCheckout(process.cwd())).root) : options.repo;
      const query = {
        state: options.state,
        kind: options.kind ? [options.kind] : undefined,
        lane: options.lane ? [options.lane] : undefined,
        repo,
        limit: options.limit,
        cursor: options.cursor,
      };
      const page = await withReader(options, ({ client }) => client.call("listJobs", { query }));
      screen.document(page);
      if (page.jobs.length === 0) return screen.print(screen.colors.dim("No such jobs."));
      for (const line of jobTable(screen, page.jobs)) screen.print(line);
      if (page.nextCursor) screen.print(screen.colors.dim(`More: slipway jobs --cursor ${page.nextCursor}`));
    });
}

/** Jobs as a table. */
export function jobTable(screen: Screen, jobs: readonly JobView[]): string[] {
  const columns: Array<Column<JobView>> = [
    { title: "job", text: (job) => String(job.number), align: "right" },
    { title: "state", text: (job) => job.state, paint: (text, job) => paintState(screen, job.state, text) },
    { title: "title", text: (job) => printable(job.title), grows: true },
    { title: "code", text: codeOf },
    { title: "repository", text: (job) => job.repo.name },
    { title: "took", text: took, align: "right" },
    { title: "when", text: (job) => ago(job.createdAt), paint: (text) => screen.colors.dim(text) },
  ];
  const shown = jobs.some((job) => codeOf(job) !== "") ? columns : columns.filter((column) => column.title !== "code");
  return tableLines(screen, shown, jobs);
}

/** Why it did not land; of a cancelled job the state says it all. */
function codeOf(job: JobView): string {
  return job.state === "cancelled" ? "" : (job.failure?.code ?? "");
}

/** A state in its colour. */
export function paintState(screen: Screen, state: JobState, text: string = state): string {
  const { colors } = screen;
  return {
    queued: colors.dim,
    running: colors.cyan,
    integrating: colors.cyan,
    blocked: colors.yellow,
    done: colors.green,
    failed: colors.red,
    cancelled: colors.yellow,
  }[state](text);
}

function took(job: JobView): string {
  return job.endedAt === null ? "" : duration(job.endedAt - job.createdAt);
}
