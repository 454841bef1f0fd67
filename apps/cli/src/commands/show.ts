import { redText } from "@slipway/protocol/acceptance";
import type { Client } from "@slipway/protocol/client";
import type { JobEvent } from "@slipway/protocol/events";
import type { JobDetail, JobView } from "@slipway/protocol/job";
import { JOB_IMAGES_MAX } from "@slipway/protocol/job-images";
import { predictedText, revisionText } from "@slipway/protocol/revisions";
import { sandboxOfImage } from "@slipway/protocol/sandbox-kind";
import type { Scorecard } from "@slipway/protocol/scorecard";
import type { Verdict } from "@slipway/protocol/verdict";
import type { Command } from "commander";
import { criticHeading, findingText, refusingFirst } from "../follow/critic-text.ts";
import { diffStatText, hasKeptWork, printFailure, printKeptHint } from "../follow/outcome.ts";
import { ProgressView } from "../follow/progress-view.ts";
import { wholeNumber } from "../terminal/parse.ts";
import type { Screen } from "../terminal/screen.ts";
import { ago, bytes, columnsOf, duration, plural, printable, wrap } from "../terminal/text.ts";
import { budgetText, spentText } from "../terminal/usage-text.ts";
import { printArtifact, printImage, printStatement } from "./artifact.ts";
import { deliveryFields } from "./delivery.ts";
import { paintState } from "./jobs.ts";
import { type CommonOptions, screenOf, withCommon } from "./options.ts";
import { pageOf } from "./page.ts";
import { JOB_ARGUMENT, withReader } from "./reading.ts";
import { printScorecard, scoreLine, scoreOf } from "./scorecard.ts";
import { printVerdict, verdictOf } from "./verdict.ts";

interface ShowOptions extends CommonOptions {
  readonly verbose?: boolean;
  readonly artifact?: string;
  readonly image?: number;
  readonly scorecard?: boolean;
  readonly statement?: boolean;
}

export function addShow(program: Command): void {
  withCommon(program.command("show").argument(...JOB_ARGUMENT))
    .summary("everything about one job")
    .option("--artifact <name>", "this artifact instead, as it was stored: the whole output of a gate or of the setup")
    .option("--image <n>", "the bytes of this image of the job instead, by its place in the list", wholeNumber(1, JOB_IMAGES_MAX))
    .option("--scorecard", "how well it went instead, and how that was counted")
    .option("--statement", "what the landed job can be shown by instead, to be signed: an in-toto statement with SLSA provenance, as canonical JSON")
    .option("-v, --verbose", "the log and the small steps in the timeline too")
    .action(async (job: string, options: ShowOptions) => {
      const screen = screenOf(options);
      if (options.artifact !== undefined) return await printArtifact(screen, job, options.artifact, options);
      if (options.image !== undefined) return await printImage(screen, job, options.image, options);
      if (options.statement) return await printStatement(job, options);
      if (options.scorecard) return await printScorecard(screen, job, options);
      const { detail, ...seen } = await withReader(options, async (connection) => {
        const { client } = connection;
        const found = await client.call("getJob", { params: { job } });
        const verdict = await verdictOf(client, found);
        if (screen.json) return { detail: found, events: [], card: null, verdict, page: undefined };
        const card = found.job.kind === "task" ? await scoreOf(client, found.job.id) : null;
        const page = await pageOf(screen, connection, found.job.number);
        return { detail: found, events: await timeline(client, found.job.id), card, verdict, page };
      });
      screen.document({ ...detail, ...(detail.job.taskKind === "review" ? { verdict: seen.verdict ?? null } : {}) });
      if (!screen.json) showJob(screen, detail, { ...seen, verbose: options.verbose ?? false });
    });
}

const EVENT_PAGE = 5_000;
/** A timeline of a job that flooded its log is read up to here. */
const EVENT_LIMIT = 50_000;

async function timeline(client: Client, job: string): Promise<JobEvent[]> {
  const all: JobEvent[] = [];
  for (let after = 0; all.length < EVENT_LIMIT; ) {
    const { events, lastSeq } = await client.call("listEvents", { params: { job }, query: { after, limit: EVENT_PAGE } });
    // The envelope was checked by the client; the body is the server's own.
    all.push(...(events as JobEvent[]));
    after = events.at(-1)?.seq ?? lastSeq;
    if (after >= lastSeq || events.length === 0) break;
  }
  return all;
}

interface Seen {
  readonly events: readonly JobEvent[];
  readonly card: Scorecard | null;
  readonly verdict: Verdict | undefined;
  readonly page: string | undefined;
  readonly verbose: boolean;
}

function showJob(screen: Screen, detail: JobDetail, { events, card, verdict, page, verbose }: Seen): void {
  const { job } = detail;
  const { colors } = screen;
  screen.print(`${colors.bold(`job ${job.number}`)} · ${printable(job.title)} · ${paintState(screen, job.state)}`);
  const fields: Array<[string, string]> = [
    ["id", job.id],
    ["repository", job.repo.name],
    ...kindFields(job),
    ...(job.continues ? [["goes on", `from the change of job ${job.continues.number}`] as [string, string]] : []),
    ["backend", backendText(job)],
    ...(job.replay === null ? [] : [["model", `the cassette of job ${job.replay.number}, attempt ${job.replay.fence}`] as [string, string]]),
    ["base", job.baseOid],
    ["target", job.target],
    ["lane", `${job.lane}${job.priority === 0 ? "" : `, priority ${job.priority}`}`],
    ["created", `${new Date(job.createdAt).toISOString()} (${ago(job.createdAt)})`],
    ...waitingFields(job),
    ...landingFields(job),
    ...(job.endedAt === null ? [] : [["took", duration(job.endedAt - job.createdAt)] as [string, string]]),
    ...(job.resultOid === null ? [] : [["commit", `${job.resultOid} (${diffStatText(job.diffStat)})`] as [string, string]]),
    ...deliveryFields(job),
    ...landedFields(detail),
    ...usageFields(detail),
    ...(card === null ? [] : [["score", scoreLine(card)] as [string, string]]),
    ...(page === undefined ? [] : [["page", page] as [string, string]]),
  ];
  for (const [name, value] of fields) {
    const lines = name === "score" || name === "revision" || name === "foreseen" ? wrap(value, screen.width - 13) : [value];
    for (const [index, line] of lines.entries()) screen.print(`  ${colors.dim((index === 0 ? name : "").padEnd(10))} ${line}`);
  }
  if (job.failure) {
    screen.print();
    printFailure(screen, job.failure);
  }
  if (hasKeptWork(detail)) {
    screen.print();
    printKeptHint(screen, detail);
  }
  printAcceptance(screen, detail);
  if (verdict) {
    screen.print();
    printVerdict(screen, verdict);
  }
  printTask(screen, job.task);
  printImages(screen, job);
  section(screen, "timeline");
  const view = new ProgressView(screen, { verbose });
  for (const event of events) view.show(event);
  printActs(screen, detail);
  printCritics(screen, job, events);
  printAttempts(screen, detail);
  printReceipts(screen, detail);
  printArtifacts(screen, detail);
}

/** What it is to bring about, and what goes with that; nothing for the kind that every job has where nobody says another. */
function kindFields({ kind, taskKind, taskSpec }: JobView): Array<[string, string]> {
  if (kind !== "task" || taskKind === "develop") return [];
  const { failingTest, failureLog, document, allowPaths, review } = taskSpec;
  const commits = review && `${review.baseOid.slice(0, 12)}..${review.headOid.slice(0, 12)}`;
  return [
    ["kind", taskKind],
    ...(failingTest === undefined ? [] : [["failing", printable(failingTest)] as [string, string]]),
    ...(failureLog === undefined ? [] : [["log", `${plural(failureLog.split("\n").length, "line")}; --json has all`] as [string, string]]),
    ...(document === undefined ? [] : [["document", printable(document)] as [string, string]]),
    ...(allowPaths === undefined ? [] : [["may change", printable(allowPaths.join(", "))] as [string, string]]),
    ...(review ? [["reviews", `${review.job === null ? "" : `job ${review.job}, `}${commits}`] as [string, string]] : []),
  ];
}

/** The backend that it is at, and what comes behind it. */
function backendText({ backend, routing }: JobView): string {
  if (!routing) return backend;
  const asked = routing.asked === backend && routing.at === 0 ? [] : [`asked for: ${routing.asked}`];
  const behind = routing.route.slice(routing.at + 1).map((entry) => entry.backend);
  const notes = [
    ...asked,
    ...(routing.needs.length === 0 ? [] : [`needs: ${routing.needs.join(", ")}`]),
    ...(behind.length === 0 ? [] : [`then: ${behind.join(", ")}`]),
  ];
  return notes.length === 0 ? backend : `${backend} (${notes.join("; ")})`;
}

/** What it waits for, and when the server ends its present state. */
function waitingFields(job: JobView): Array<[string, string]> {
  const { runAfter, dueAt, dependsOn, requires } = job;
  const own = requires.filter((capability) => capability !== `backend:${job.backend}`);
  return [
    ...(own.length === 0 ? [] : [["requires", own.join(", ")] as [string, string]]),
    ...(dependsOn.length === 0 ? [] : [["depends on", dependsOn.join(", ")] as [string, string]]),
    ...(runAfter === null || runAfter < Date.now() ? [] : [["not before", whenText(runAfter)] as [string, string]]),
    ...(dueAt === null ? [] : [["due", `${whenText(dueAt)}; the server ends this state then`] as [string, string]]),
  ];
}

/** What landed, the commit that it was tested as where that is another one, and the gates that were red on it at first. */
function landedFields({ job, completion, receipts }: JobDetail): Array<[string, string]> {
  if (job.landedOid === null) return [];
  const testedOid = completion?.testedOid ?? null;
  // Run again within one verification, or by a second one.
  const flaky = [...new Set([...(completion?.flakyGates ?? []), ...receipts.flatMap((receipt) => (receipt.flaky ? [receipt.gate] : []))])];
  return [
    ["landed", job.landedOid],
    ...(testedOid === null || testedOid === job.landedOid ? [] : [["tested", `${testedOid}, the last commit of its batch`] as [string, string]]),
    ...(flaky.length === 0 ? [] : [["flaky", `${flaky.map(printable).join(", ")}: red on the merged tree at first, green when run again`] as [string, string]]),
  ];
}

/** That its change goes back and forth, and what it may still meet. */
function landingFields({ revision, predicted }: JobView): Array<[string, string]> {
  return [
    ...(revision ? [["revision", printable(revisionText(revision).replace(/^revision /, ""))] as [string, string]] : []),
    ...predicted.map((one): [string, string] => ["foreseen", printable(predictedText(one))]),
  ];
}

function whenText(at: number): string {
  const left = at - Date.now();
  return `${new Date(at).toISOString()} (${left > 0 ? `in ${duration(left)}` : ago(at)})`;
}

function section(screen: Screen, title: string): void {
  screen.print();
  screen.print(screen.colors.bold(title));
}

const TASK_LINES = 12;

function printTask(screen: Screen, task: string): void {
  section(screen, "task");
  const lines = wrap(printable(task), screen.width - 2);
  for (const line of lines.slice(0, TASK_LINES)) screen.print(`  ${line}`);
  if (lines.length > TASK_LINES) screen.print(screen.colors.dim(`  (${plural(lines.length - TASK_LINES, "more line")}; --json has all)`));
}

/** The list stays when the bytes are gone, with the job's artifacts. */
function printImages(screen: Screen, { number, images }: JobView): void {
  if (images.length === 0) return;
  section(screen, "images");
  for (const [index, image] of images.entries()) screen.print(`  ${index + 1}  ${printable(image.name)}  ${image.type}  ${bytes(image.bytes)}`);
  screen.print(screen.colors.dim(`  Save one: slipway show ${number} --image 1 >FILE`));
}

function usageFields({ job }: JobDetail): Array<[string, string]> {
  const budget = budgetText(job.budget);
  const isUsed = job.usage.inputTokens + job.usage.outputTokens > 0;
  return [
    ...(isUsed ? [["usage", spentText(job.usage, job.budget)] as [string, string]] : []),
    ...(budget === undefined ? [] : [["budget", budget] as [string, string]]),
  ];
}

const ACT_WORDS = {
  submitJob: "submitted",
  cancelJob: "cancelled",
  retryJob: "retried",
  replayJob: "replayed",
  steerJob: "steered",
  acceptJob: "accepted",
  reviseJob: "revised",
  syncPullRequest: "synced",
  closePullRequest: "closed its pull request",
} as const;

const OTHER_JOBS: Readonly<Partial<Record<keyof typeof ACT_WORDS, string>>> = { replayJob: "as a replay", acceptJob: "the work", reviseJob: "as a revision" };

/** Who did what with it. */
function printActs(screen: Screen, { job, acts }: JobDetail): void {
  if (acts.length === 0) return;
  section(screen, "by");
  for (const { at, action, by, job: of, madeJob } of acts) {
    const other = of !== job.number ? `  ${OTHER_JOBS[action] ?? "as a new try"} of job ${of}` : madeJob === null ? "" : `  as job ${madeJob}`;
    screen.print(`  ${ACT_WORDS[action].padEnd(9)}  ${printable(by.name)} (${by.role})  ${screen.colors.dim(ago(at))}${other}`);
  }
}

/** What critics said of the newest commit that they judged, with all that they found. */
function printCritics(screen: Screen, { number }: JobView, events: readonly JobEvent[]): void {
  const { colors } = screen;
  const said = events.flatMap((event) => (event.kind === "critic" ? [event.data] : []));
  const newest = said.filter(({ name }, index) => said.findLastIndex((other) => other.name === name) === index);
  if (newest.length === 0) return;
  section(screen, "critics");
  for (const data of newest) {
    const paint = data.verdict === "approve" ? colors.green : colors.red;
    const [first = "", ...rest] = wrap(printable(criticHeading(data)), screen.width - 4);
    screen.print(`  ${paint(data.verdict === "approve" ? "✓" : "✗")} ${first}`);
    const lines = [
      ...data.criteria
        .filter(({ verdict }) => verdict === "met")
        .map(({ text, evidence }) => `met: ${text}${evidence[0] ? ` (${evidence[0].file}:${evidence[0].line})` : ""}`),
      ...refusingFirst(data).map(findingText),
      ...data.notes.map((note) => `note: ${note}`),
    ];
    for (const line of [...rest, ...lines.flatMap((text) => wrap(printable(text), screen.width - 4))]) screen.print(`    ${line}`);
    if (data.artifact) screen.print(colors.dim(`    All of it: slipway show ${number} --artifact ${data.artifact}`));
  }
}

/** Whose word landed it, and what was red then; or which job landed its work. */
function printAcceptance(screen: Screen, { acceptance, acceptedAs }: JobDetail): void {
  if (acceptance) {
    const { number, by, at, reason, red } = acceptance;
    section(screen, "accepted");
    const text = `${printable(by.name)} (${by.role}) accepted the work of job ${number}, ${ago(at)}${reason === null ? "" : `: ${printable(reason)}`}`;
    for (const line of wrap(text, screen.width - 2)) screen.print(`  ${line}`);
    for (const line of wrap(`Red then: ${redText(red)}`, screen.width - 2)) screen.print(`  ${screen.colors.red(line)}`);
  }
  for (const { number, state } of acceptedAs) {
    screen.print();
    screen.print(`Its work was accepted as job ${number}, which is ${paintState(screen, state)}.`);
  }
}

/** Where an attempt's line goes on where it is too long for one. */
const ATTEMPT_INDENT = 5;

/** Parts in lines, none of which is cut: as many on each as fit with two spaces between them. */
function filledLines(parts: readonly string[], width: number): string[][] {
  const lines: string[][] = [];
  for (const part of parts) {
    const last = lines.at(-1);
    if (last && columnsOf([...last, part].join("  ")) <= width) last.push(part);
    else lines.push([part]);
  }
  return lines;
}

function printAttempts(screen: Screen, { job, attempts }: JobDetail): void {
  if (attempts.length === 0) return;
  section(screen, "attempts");
  for (const attempt of attempts) {
    const { sandbox, failure, keptOid, startedAt, endedAt } = attempt;
    const parts = [
      `${attempt.fence}  ${attempt.outcome.padEnd(9)} on ${printable(attempt.workerName)}`,
      ...(job.routing && attempt.backend !== "" ? [`backend: ${attempt.backend}`] : []),
      `sandbox: ${sandbox}${sandbox === "none" ? " (without isolation)" : ""}`,
      ...(endedAt === null ? [] : [duration(endedAt - startedAt)]),
      ...(failure === null ? [] : [failure.code]),
      ...(keptOid === null ? [] : [`kept ${keptOid.slice(0, 12)}`]),
    ];
    const paint = (part: string): string => (part.startsWith("sandbox: none") ? screen.colors.yellow(part) : part);
    for (const [index, line] of filledLines(parts, screen.width - ATTEMPT_INDENT).entries())
      screen.print(`${" ".repeat(index === 0 ? 2 : ATTEMPT_INDENT)}${line.map(paint).join("  ")}`);
  }
}

function printReceipts(screen: Screen, { receipts }: JobDetail): void {
  if (receipts.length === 0) return;
  section(screen, "receipts (gates on exactly the tree that landed)");
  for (const receipt of receipts) {
    const mark = receipt.exitCode === 0 ? screen.colors.green("✓") : screen.colors.red("✗");
    const parts = [
      `${mark} ${receipt.gate}  exit ${receipt.exitCode}`,
      ...(receipt.flaky ? [screen.colors.yellow("flaky")] : []),
      duration(receipt.durationMs),
      `tree ${receipt.tree.slice(0, 12)}`,
      `in ${sandboxOfImage(receipt.image)}`,
      ...(receipt.at === undefined ? [] : [new Date(receipt.at).toISOString()]),
      ...(receipt.reused ? [`used again, of job ${receipt.job}`] : []),
    ];
    screen.print(`  ${parts.join("  ")}`);
    screen.print(screen.colors.dim(`    ${printable(receipt.command).split("\n")[0]}`));
  }
}

function printArtifacts(screen: Screen, { job, artifacts }: JobDetail): void {
  if (artifacts.length === 0) return;
  section(screen, "artifacts");
  for (const artifact of artifacts) screen.print(`  ${artifact.name}  ${bytes(artifact.bytes)}  attempt ${artifact.fence}`);
  screen.print(screen.colors.dim(`  Read one: slipway show ${job.number} --artifact ${artifacts.at(-1)?.name}`));
  screen.print(screen.colors.dim(`  More is made when asked for: slipway artifacts ${job.number}`));
}
