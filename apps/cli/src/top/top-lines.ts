import type { DaySpending } from "@slipway/protocol/budget";
import type { Colors } from "../terminal/screen.ts";
import { ago, columnsOf, cut, elapsed, padTo, printable } from "../terminal/text.ts";
import { dollars, tokens } from "../terminal/usage-text.ts";
import type { Snapshot, TopJob } from "./snapshot.ts";

/** What `slipway top` shows as lines of text; nothing here reads or writes. */

/** A line of the list. Those with a job can be chosen. */
export interface Row {
  readonly text: string;
  readonly job?: TopJob;
}

export interface LineOptions {
  readonly width: number;
  readonly colors: Colors;
  readonly now: number;
}

/** Server and connection, workers and counts, what was spent. */
export function headerLines(snapshot: Snapshot | undefined, lostAt: number | undefined, url: string, { width, colors, now }: LineOptions): string[] {
  const link = lostAt === undefined ? (snapshot ? "live" : "connecting …") : `cut off for ${elapsed(Math.max(now - lostAt, 0))}, trying again`;
  const paint = lostAt === undefined ? (snapshot ? colors.green : colors.dim) : colors.red;
  const address = cut(url, Math.max(width - columnsOf(link) - 17, 8));
  const first = `${colors.bold("slipway top")} · ${address} · ${paint(link)}`;
  if (!snapshot) return [first, "", ""];
  const { workers, queued, running, integrating, needsYou, frozen, hasMore } = snapshot;
  const draining = workers.draining > 0 ? ` (${workers.draining} draining)` : "";
  const needs = needsYou.length + frozen.length;
  const counts = [
    `workers ${workers.connected}${workers.known === workers.connected ? "" : ` of ${workers.known}`}${draining}`,
    `slots ${workers.busy}/${workers.slots}`,
    `${running.length} running`,
    `${integrating.length} landing`,
    `${queued.length}${hasMore ? "+" : ""} queued`,
    ...(needs === 0 ? [] : [colors.yellow(`${needs} ${needs === 1 ? "needs" : "need"} you`)]),
  ];
  return [first, fitting(counts, width), cut(spendingText(snapshot.spending), width)];
}

/** Parts that fit, those in front first; the last one, which may be painted, is never left out. */
function fitting(parts: readonly string[], width: number): string {
  const kept = [...parts];
  const room = (texts: readonly string[]): number => columnsOf(texts.join(" · ").replace(/\x1b\[\d+m/g, ""));
  while (kept.length > 1 && room(kept) > width) kept.splice(-2, 1);
  return kept.join(" · ");
}

function spendingText({ usd, tokens: count, budget }: DaySpending): string {
  const share = (spent: number, limit: number): string => ` (${Math.round((100 * spent) / limit)} %)`;
  const money = `${dollars(usd)}${budget.usd === undefined ? "" : ` of ${dollars(budget.usd)}${share(usd, budget.usd)}`}`;
  const amount = `${tokens(count)}${budget.tokens === undefined ? "" : ` of ${tokens(budget.tokens)}`} tokens${budget.tokens === undefined ? "" : share(count, budget.tokens)}`;
  return `today ${money} · ${amount}`;
}

/** The list: what needs a person first, then what runs, lands, waits and ended. `filter`: words that all have to be somewhere in a job. */
export function listRows(snapshot: Snapshot, filter: string, options: LineOptions): Row[] {
  const { colors, width } = options;
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const isWanted = ({ number, title, backend, repository, state, code }: TopJob): boolean => {
    const text = `${number} ${title} ${backend} ${repository} ${state} ${code ?? ""}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };
  const section = (title: string, jobs: readonly TopJob[], line: (job: TopJob) => string, before: readonly Row[] = []): Row[] => {
    const wanted = jobs.filter(isWanted).map((job) => ({ text: line(job), job }));
    return wanted.length + before.length === 0 ? [] : [{ text: "" }, { text: colors.bold(title) }, ...before, ...wanted];
  };
  const frozen = words.length > 0 ? [] : snapshot.frozen;
  const frozenRows = frozen.map(({ repository, target, reason }) => ({
    text: colors.yellow(cut(printable(`       ${target} of ${repository} is frozen: ${reason}`), width)),
  }));
  const trains = words.length > 0 ? [] : snapshot.trains;
  const trainRows = trains.map(({ repository, target, cars }) => ({
    text: colors.dim(
      cut(printable(`       ${repository} → ${target}: ${cars.map(({ job, place }) => (place === null ? `(${job})` : job)).join(" ← ")}`), width),
    ),
  }));
  // A column that nothing stands in is room for titles.
  const shown = {
    gates: snapshot.running.some(({ doing }) => Object.keys(doing?.gates ?? {}).length > 0),
    cost: snapshot.running.some(({ tokens: count }) => count > 0),
  };
  const rows = [
    ...section("needs you", snapshot.needsYou, (job) => reasonLine(job, colors.yellow, options), frozenRows),
    ...section("running", snapshot.running, (job) => runningLine(job, shown, options)),
    ...section("landing", snapshot.integrating, (job) => reasonLine(job, colors.cyan, options), trainRows),
    ...section(snapshot.hasMore ? "waiting (and more)" : "waiting", snapshot.queued, (job) => reasonLine(job, colors.dim, options)),
    ...section("ended", snapshot.ended, (job) => endedLine(job, options)),
  ];
  // The first section needs no room above it.
  return rows.slice(1);
}

function runningLine(job: TopJob, shown: { readonly gates: boolean; readonly cost: boolean }, { width, now, colors }: LineOptions): string {
  const { doing } = job;
  const phase = doing ? `${doing.what}${doing.since === null ? "" : ` ${elapsed(Math.max(now - doing.since, 0))}`}` : "starting";
  const standings = Object.values(doing?.gates ?? {});
  const ended = standings.filter((standing) => standing !== "running").length;
  const isRed = standings.includes("failed");
  const gates = standings.length === 0 ? "" : `${doing && doing.round > 0 ? `r${doing.round + 1} ` : ""}${ended}/${standings.length}${isRed ? " ✗" : ""}`;
  const share = job.budget.usd === undefined || job.costUsd === 0 ? "" : ` ${Math.round((100 * job.costUsd) / job.budget.usd)}%`;
  // What a narrow terminal leaves out is the last that has a least width.
  const cells: Array<readonly [text: string, size: number, least: number, paint?: (text: string) => string]> = [
    [phase, 18, 0],
    ...(shown.gates ? [[gates, 9, 60, isRed ? colors.red : String] as const] : []),
    [job.backend, 11, 72],
    ...(shown.cost ? [[job.tokens > 0 ? tokens(job.tokens).padStart(6) : "", 6, 84] as const] : []),
    ...(shown.cost ? [[`${job.costUsd > 0 ? dollars(job.costUsd) : ""}${share}`.padStart(9), 9, 50] as const] : []),
  ];
  const kept = cells.filter(([, , least]) => width >= least);
  const room = width - 8 - kept.reduce((sum, [, size]) => sum + size + 2, 0);
  const texts = kept.map(([text, size, , paint = String]) => paint(padTo(cut(text, size), size)));
  return `${numberCell(job)}  ${padTo(cut(printable(job.title), room), room)}  ${texts.join("  ")}`.trimEnd();
}

function reasonLine(job: TopJob, paint: (text: string) => string, { width }: LineOptions): string {
  const room = Math.max(Math.floor((width - 10) * 0.4), 8);
  const title = padTo(cut(printable(job.title), room), room);
  const why = printable([job.code, job.reason].filter(Boolean).join(": ") || `since ${ago(job.updatedAt)}`).replaceAll("\n", " ");
  return `${numberCell(job)}  ${title}  ${paint(cut(why, width - 10 - room))}`;
}

function endedLine(job: TopJob, { width, colors, now }: LineOptions): string {
  const paint = { done: colors.green, failed: colors.red, cancelled: colors.yellow }[job.state as "done" | "failed" | "cancelled"] ?? String;
  const word =
    job.state === "done" ? (job.landedOid ? `landed ${job.landedOid.slice(0, 7)}` : "done") : job.state === "cancelled" ? "cancelled" : (job.code ?? job.state);
  const when = width < 60 ? "" : ago(job.endedAt ?? job.updatedAt, now);
  const room = Math.max(Math.floor((width - 10) * 0.5), 8);
  const left = width - 10 - room - (when === "" ? 0 : 12);
  return `${numberCell(job)}  ${padTo(cut(printable(job.title), room), room)}  ${paint(padTo(cut(word, left), left))}${when === "" ? "" : `  ${colors.dim(when)}`}`;
}

function numberCell({ number }: TopJob): string {
  return String(number).padStart(6);
}

/** Lines of a help page. */
export const HELP = [
  ["↑ ↓  j k", "choose a job"],
  ["Enter", "its phases and the end of its log, live"],
  ["l", "its log alone"],
  ["c", "cancel it; asks first"],
  ["r", "try it again"],
  ["o", "open its page in the browser"],
  ["/", "show only jobs with these words; Esc shows all again"],
  ["g  G", "first, last"],
  ["?", "these keys"],
  ["Esc  q", "back; q leaves"],
] as const;

/** The whole snapshot for where no terminal is: lists as they are, without a limit of height. */
export function plainLines(snapshot: Snapshot, options: LineOptions): string[] {
  const rows = listRows(snapshot, "", options);
  const nothing = "No jobs yet: submit a first one with `slipway run`.";
  return [
    ...headerLines(snapshot, undefined, snapshot.url, options).map((line) => line.replace(" · live", "")),
    "",
    ...(rows.length === 0 ? [nothing] : rows.map(({ text }) => text)),
  ];
}
