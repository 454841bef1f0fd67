import type { Failure, JobDetail, JobView } from "@slipway/protocol/job";
import { hintOf } from "../exit-codes.ts";
import type { Screen } from "../terminal/screen.ts";
import { plural, printable, wrap } from "../terminal/text.ts";

/** Why a job did not land: code, message, hint and the details that help. */
export function printFailure(screen: Screen, failure: Failure): void {
  const { colors } = screen;
  for (const line of wrap(`${failure.code}: ${printable(failure.message)}`, screen.width)) screen.print(colors.red(line));
  for (const line of wrap(hintOf(failure), screen.width)) screen.print(line);
  for (const [key, value] of Object.entries(failure.details)) {
    if (key === "hint" || value === null || value === undefined) continue;
    const text = printable(typeof value === "string" ? value : JSON.stringify(value));
    for (const line of wrap(`  ${key}: ${text}`, screen.width).slice(0, 6)) screen.print(colors.dim(line));
  }
}

/** The last words about a job that did not land. */
export function printEnding(screen: Screen, detail: JobDetail): void {
  const { job } = detail;
  screen.print();
  screen.print(`job ${job.number} ${screen.colors.bold(job.state)}${job.attempts > 1 ? ` after ${plural(job.attempts, "attempt")}` : ""}`);
  if (job.failure && job.state !== "cancelled") printFailure(screen, job.failure);
  screen.print(screen.colors.dim(`More: slipway show ${job.number}, slipway logs ${job.number}`));
}

/** Such as `3 files, +12 −4`. */
export function diffStatText(stat: JobView["diffStat"]): string {
  return stat ? `${plural(stat.files, "file")}, +${stat.insertions} −${stat.deletions}` : "no change";
}
