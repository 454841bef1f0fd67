import { describeCheckout } from "@slipway/git/checkout";
import type { Client } from "@slipway/protocol/client";
import type { QueryOf, ResponseOf } from "@slipway/protocol/endpoints";
import { ERROR_CODES, type ErrorCode } from "@slipway/protocol/errors";
import { JOB_KINDS, type JobKind, type JobView, LANES, type Lane } from "@slipway/protocol/job";
import { nameSchema } from "@slipway/protocol/scalars";
import { isFinal, JOB_STATES, type JobState } from "@slipway/protocol/states";
import { TASK_KIND_NAMES, type TaskKind } from "@slipway/protocol/task-kinds";
import type { Command } from "commander";
import { InvalidArgumentError, Option } from "commander";
import { repositoryName } from "../checkout/repository-name.ts";
import { parsePast, wholeNumber } from "../terminal/parse.ts";
import type { Screen } from "../terminal/screen.ts";
import { type Column, tableLines } from "../terminal/table.ts";
import { ago, duration, printable } from "../terminal/text.ts";
import { type CommonOptions, screenOf, withCommon } from "./options.ts";
import { withReader } from "./reading.ts";

/** As the server has it. */
const SEARCH_LIMIT_CHARACTERS = 200;

interface JobsOptions extends CommonOptions {
  readonly state?: JobState[];
  readonly kind?: JobKind | TaskKind;
  readonly lane?: Lane;
  readonly repo?: string;
  readonly here?: boolean;
  readonly backend?: string;
  readonly worker?: string;
  readonly code?: ErrorCode[];
  readonly who?: string;
  readonly since?: number;
  readonly search?: string;
  readonly limit: number;
  readonly all?: boolean;
  readonly cursor?: string;
}

export function addJobs(program: Command): void {
  withCommon(program.command("jobs"))
    .summary("list jobs, newest first")
    .description("Lists jobs, newest first; tasks only, unless --kind says otherwise.")
    .addOption(new Option("--state <state...>", "only in these states").choices([...JOB_STATES]))
    .addOption(new Option("--kind <kind>", "task, verify, or tasks of one kind").choices([...JOB_KINDS, ...TASK_KIND_NAMES]).default("task"))
    .addOption(new Option("--lane <lane>", "only in this lane").choices([...LANES]))
    .option("--repo <name>", "only of this repository, by name or id")
    .option("--here", "only of the repository around the current folder")
    .option("--backend <name>", "only of this backend", parseBackend)
    .option("--worker <name>", "only those that had an attempt on this worker, by its whole name or id")
    .addOption(new Option("--code <code...>", "only those whose newest failure has one of these codes").argParser(parseCodes))
    .option("--who <token>", "only those that this token submitted, by its whole name or id")
    .option("--since <time>", "only those that are new, or in another state, since then: a time such as 2d, or a date", parsePast)
    .option("--search <words>", "only those that have all these words in title or task, or this number", parseSearch)
    .option("--limit <n>", "jobs on a page", wholeNumber(1, 200), 20)
    .option("--cursor <cursor>", "the next page, as the last one printed it")
    .addOption(new Option("--all", "all pages at once").conflicts(["cursor", "limit"]))
    .action(jobsCommand);
}

async function jobsCommand(options: JobsOptions): Promise<void> {
  const screen = screenOf(options);
  const repo = options.here ? repositoryName((await describeCheckout(process.cwd())).root) : options.repo;
  const filter = {
    state: options.state,
    ...kindFilter(options.kind),
    lane: options.lane ? [options.lane] : undefined,
    repo,
    backend: options.backend,
    worker: options.worker,
    code: options.code,
    who: options.who,
    since: options.since,
    text: options.search,
  };
  const page = await withReader(options, async ({ client }) => {
    if (options.all) return await allJobs(client, filter);
    return await client.call("listJobs", { query: { ...filter, limit: options.limit, cursor: options.cursor } });
  });
  screen.document(page);
  if (page.jobs.length === 0) return screen.print(screen.colors.dim(nothingText(options)));
  for (const line of jobTable(screen, page.jobs)) screen.print(line);
  if (page.nextCursor) screen.print(screen.colors.dim(`More: --cursor ${page.nextCursor} with the same options, or --all`));
}

function kindFilter(kind: JobsOptions["kind"]): Pick<QueryOf<"listJobs">, "kind" | "taskKind"> {
  if (kind === undefined) return {};
  return kind === "task" || kind === "verify" ? { kind: [kind] } : { kind: ["task"], taskKind: [kind] };
}

type JobsPage = ResponseOf<"listJobs">;

/** All pages as one; the most recent jobs first, as they were when each page was read. */
async function allJobs(client: Client, filter: Omit<QueryOf<"listJobs">, "limit" | "cursor">): Promise<JobsPage> {
  const jobs: JobView[] = [];
  for (let cursor: string | undefined; ; ) {
    const page: JobsPage = await client.call("listJobs", { query: { ...filter, limit: 200, cursor } });
    jobs.push(...page.jobs);
    if (page.nextCursor === null) return { jobs, nextCursor: null };
    cursor = page.nextCursor;
  }
}

function nothingText({ state, lane, repo, here, backend, worker, code, who, since, search, kind, cursor }: JobsOptions): string {
  const isFiltered = [state, lane, repo, here, backend, worker, code, who, since, search, cursor].some((filter) => filter !== undefined) || kind !== "task";
  return isFiltered ? "No such jobs: leave a filter out to see more." : 'No jobs yet: submit a first one with `slipway run "…"` in a repository.';
}

function parseBackend(text: string): string {
  if (nameSchema.safeParse(text).success) return text;
  throw new InvalidArgumentError("Expected a backend's name, as `slipway backends` lists them.");
}

function parseCodes(text: string, before: ErrorCode[] | undefined): ErrorCode[] {
  const code = ERROR_CODES.find((one) => one === text);
  if (code === undefined) throw new InvalidArgumentError("Expected a code of docs/errors.md, such as GATES_FAILED.");
  return [...(before ?? []), code];
}

function parseSearch(text: string): string {
  if (text.length <= SEARCH_LIMIT_CHARACTERS) return text;
  throw new InvalidArgumentError(`Expected at most ${SEARCH_LIMIT_CHARACTERS} characters.`);
}

/** Jobs as a table. */
export function jobTable(screen: Screen, jobs: readonly JobView[]): string[] {
  const columns: Array<Column<JobView>> = [
    { title: "job", text: (job) => String(job.number), align: "right" },
    { title: "state", text: (job) => job.state, paint: (text, job) => paintState(screen, job.state, text) },
    { title: "kind", text: ({ taskKind }) => taskKind },
    { title: "title", text: (job) => printable(job.title), grows: true },
    { title: "code", text: codeOf },
    { title: "where", text: whereOf },
    { title: "note", text: noteOf, paint: (text) => screen.colors.yellow(text) },
    { title: "repository", text: (job) => job.repo.name },
    { title: "took", text: took, align: "right" },
    { title: "when", text: (job) => ago(job.createdAt), paint: (text) => screen.colors.dim(text) },
  ];
  const isIdle = {
    code: jobs.every((job) => codeOf(job) === ""),
    where: jobs.every((job) => whereOf(job) === ""),
    note: jobs.every((job) => noteOf(job) === ""),
    kind: jobs.every(({ taskKind }) => taskKind === "develop"),
  };
  const shown = columns.filter(({ title }) => !isIdle[title as keyof typeof isIdle]);
  return tableLines(screen, shown, jobs);
}

/** Why it did not land; of a cancelled job the state says it all. */
function codeOf(job: JobView): string {
  return job.state === "cancelled" ? "" : (job.failure?.code ?? "");
}

/** What is out of the ordinary on its way to the target; `slipway show` says more. */
function noteOf({ state, revision, predicted }: JobView): string {
  if (isFinal(state)) return "";
  return [...(revision ? [`revision ${revision.number}/${revision.of}`] : []), ...(predicted.length > 0 ? ["conflict ahead"] : [])].join(", ");
}

/** Its pull request or branch, where it went to one. */
function whereOf({ delivery }: JobView): string {
  if (!delivery) return "";
  return delivery.pullRequest ? `#${delivery.pullRequest.number} ${delivery.pullRequest.state}` : printable(delivery.branch);
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
