import { type Failure, type JobDetail, type JobView, workOf } from "@slipway/protocol/job";
import type { SandboxKind } from "@slipway/protocol/sandbox-kind";
import { hintOf } from "../exit-codes.ts";
import { failureText } from "../terminal/failure-text.ts";
import type { Screen } from "../terminal/screen.ts";
import { plural, wrap } from "../terminal/text.ts";
import { spentText } from "../terminal/usage-text.ts";

const DETAIL_LINES = 6;

/** Why a job did not land: code, message, hint and the details that help. */
export function printFailure(screen: Screen, failure: Failure): void {
  const { colors } = screen;
  const hint = hintOf(failure);
  const { message, problems, details } = failureText({ ...failure, hint });
  for (const line of wrap(`${failure.code}: ${message}`, screen.width)) screen.print(colors.red(line));
  for (const problem of problems) for (const line of wrap(`  ${problem}`, screen.width)) screen.print(line);
  for (const line of wrap(hint, screen.width)) screen.print(line);
  for (const detail of details) for (const line of wrap(`  ${detail}`, screen.width).slice(0, DETAIL_LINES)) screen.print(colors.dim(line));
}

/** The last words about a job that did not land. */
export function printEnding(screen: Screen, detail: JobDetail): void {
  const { job } = detail;
  screen.print();
  screen.print(`job ${job.number} ${screen.colors.bold(job.state)}${job.attempts > 1 ? ` after ${plural(job.attempts, "attempt")}` : ""}`);
  if (job.failure && job.state !== "cancelled") printFailure(screen, job.failure);
  printKeptHint(screen, detail);
  printUsage(screen, job);
  printNoSandbox(screen, detail);
  screen.print(screen.colors.dim(`More: slipway show ${job.number}, slipway logs ${job.number}`));
}

/** What the newest attempt ran in; null before the first. */
export function sandboxOf({ attempts }: JobDetail): SandboxKind | null {
  return attempts.at(-1)?.sandbox ?? null;
}

/** Says it where the job ran without isolation. */
export function printNoSandbox(screen: Screen, detail: JobDetail): void {
  if (sandboxOf(detail) === "none") screen.print(screen.colors.yellow("It ran with sandbox: none – without isolation."));
}

/** True where the job is over, or waits for a person, without having landed, and the hub has work of its agent. */
export function hasKeptWork(detail: JobDetail): boolean {
  const { state, endedAt, landedOid } = detail.job;
  return (endedAt !== null || state === "blocked") && landedOid === null && workOf(detail) !== null;
}

/** Where the agent's work is, for a job that did not land. */
export function printKeptHint(screen: Screen, detail: JobDetail): void {
  if (!hasKeptWork(detail)) return;
  const { number } = detail.job;
  const text = `The agent's work is kept: slipway diff ${number} shows it, slipway fetch ${number} gets it as a branch.`;
  for (const line of wrap(text, screen.width)) screen.print(line);
  const { kind, state, readOnly, failure } = detail.job;
  if (kind !== "task" || state !== "failed" || readOnly || failure?.code === "MERGE_CONFLICT" || detail.acceptedAs.length > 0) return;
  for (const line of wrap(`To land it all the same: slipway accept ${number}.`, screen.width)) screen.print(line);
}

/** What the job took of models, where it took any. */
export function printUsage(screen: Screen, { usage, budget }: JobView): void {
  if (usage.inputTokens + usage.outputTokens > 0) screen.print(screen.colors.dim(`Used ${spentText(usage, budget)}.`));
}

/** Such as `3 files, +12 −4`. */
export function diffStatText(stat: JobView["diffStat"]): string {
  return stat ? `${plural(stat.files, "file")}, +${stat.insertions} −${stat.deletions}` : "no change";
}
