import { RED_FINDING_CHARACTERS, RED_FINDINGS_MAX, type Red } from "@slipway/protocol/acceptance";
import type { SlipwayError } from "@slipway/protocol/errors";
import type { Change, Refusal } from "./checks.ts";

/** One of the changes that a failed attempt could keep. */
export interface Candidate {
  readonly change: Change;
  /** What refused it, as far as it was looked at; undefined where nothing could look. */
  readonly red: readonly Red[] | undefined;
  /** How many findings there are in all; undefined where gates or checks have not said all that they say of it. */
  readonly findings: number | undefined;
}

/**
 * The change with the fewest findings, the latest among equals. A red gate is one finding, a line of a check is one. What was never judged whole, such as the
 * files of a turn that was cut off, is taken only where there is nothing else. `why` says it where there was a choice.
 */
export function bestOf(candidates: readonly Candidate[]): { change: Change; red: Red[] | undefined; why: string | undefined } | undefined {
  const counts = candidates.map(({ findings }) => findings ?? Number.POSITIVE_INFINITY);
  const least = Math.min(...counts);
  const at = counts.lastIndexOf(least);
  const best = candidates[at];
  if (!best) return undefined;
  return { change: best.change, red: best.red && [...best.red], why: candidates.length < 2 ? undefined : reason(counts, at) };
}

/** Lines of all refusals. */
export function countFindings(refusals: readonly Refusal[]): number {
  return refusals.reduce((sum, { findings }) => sum + findings.length, 0);
}

function reason(counts: readonly number[], at: number): string {
  const count = counts[at] ?? 0;
  if (!Number.isFinite(count)) return `change ${at + 1} of ${counts.length}, the latest; none was judged whole`;
  const equals = counts.filter((other) => other === count).length;
  const found = count === 1 ? "1 finding" : `${count} findings`;
  return `change ${at + 1} of ${counts.length}: ${equals > 1 ? `${found}, as others have, and the latest of them` : `${found}, the fewest`}`;
}

/** What the checks refused, as it is kept. */
export function redOf(refusals: readonly Refusal[]): Red[] {
  return refusals.map(({ check, findings }) => ({
    by: check === "critic" ? ("critic" as const) : ("check" as const),
    name: check,
    findings: findings.slice(0, RED_FINDINGS_MAX).map((finding) => finding.slice(0, RED_FINDING_CHARACTERS).toWellFormed()),
  }));
}

/** The gates that a failure names as red. */
export function redGates({ code, details }: SlipwayError): Red[] {
  if (code !== "GATES_FAILED" || !Array.isArray(details["gates"])) return [];
  return (details["gates"] as ReadonlyArray<{ name: string; exitCode: number | null; timedOut: boolean }>).map(({ name, exitCode, timedOut }) => ({
    by: "gate" as const,
    name,
    findings: [timedOut ? "ran out of time" : `exit code ${exitCode}`],
  }));
}
