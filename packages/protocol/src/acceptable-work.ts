import type { Red } from "./acceptance.ts";
import { SlipwayError } from "./errors.ts";
import { type JobDetail, workOf } from "./job.ts";

/** The kept work of a failed job, as a person may accept it. */
export interface AcceptableWork {
  readonly oid: string;
  /** The attempt that left it; null where it is the change of a job that was accepted itself. */
  readonly fence: number | null;
  /** What was red when it was last judged. */
  readonly red: readonly Red[];
}

/** What may be accepted of a job; CONFLICT, with why not and what to do instead, where there is nothing. */
export function acceptableWork(detail: JobDetail): AcceptableWork {
  const { job, attempts } = detail;
  const refuse = (why: string, hint: string): SlipwayError =>
    new SlipwayError("CONFLICT", `Job ${job.number} cannot be accepted: ${why}.`, {
      job: job.id,
      state: job.state,
      expected: "a failed job with kept work",
      hint,
    });
  if (job.kind !== "task") throw refuse("it only verifies another one", "Accept the job that it verifies.");
  if (job.state === "blocked")
    throw refuse("it is blocked and may still go on", `See with \`slipway explain ${job.number}\` what it waits for; then \`slipway retry ${job.number}\`.`);
  if (job.state !== "failed") throw refuse(`it is ${job.state}`, `Only what failed needs to be accepted; \`slipway show ${job.number}\` shows how it stands.`);
  if (job.readOnly) throw refuse("it is a read-only job, and lands nothing", "Submit the task again without --read-only.");
  if (job.failure?.code === "MERGE_CONFLICT")
    throw refuse(
      "its change conflicts with its target, which no yes mends",
      `Submit the task again with \`slipway retry ${job.number}\`, or merge it yourself after \`slipway fetch ${job.number}\`.`,
    );
  const oid = workOf(detail);
  if (oid === null) throw refuse("nothing of its agent's work is kept", `\`slipway show ${job.number}\` says why; then \`slipway retry ${job.number}\`.`);
  // The work of an attempt that came later, where the change went back to its agent, is no completion's.
  if (detail.completion?.oid === oid)
    return { oid, fence: detail.acceptance ? null : (attempts.findLast(({ outcome }) => outcome === "change")?.fence ?? null), red: redOfChange(detail) };
  const attempt = attempts.findLast(({ keptOid }) => keptOid === oid);
  if (!attempt?.keptRed)
    throw refuse(
      "nobody knows what is red on its kept work",
      `Look at it with \`slipway diff ${job.number}\`, take it with \`slipway fetch ${job.number}\`, or \`slipway retry ${job.number}\`.`,
    );
  return { oid, fence: attempt.fence, red: attempt.keptRed };
}

/** Of a change that was refused after it was merged: the gates whose newest receipt is red, and what was accepted before. */
function redOfChange({ receipts, acceptance }: JobDetail): Red[] {
  const accepted = acceptance?.red ?? [];
  const newest = new Map(receipts.map((receipt) => [receipt.gate, receipt]));
  const gates = [...newest.values()].filter(({ gate, exitCode }) => exitCode !== 0 && !accepted.some(({ by, name }) => by === "gate" && name === gate));
  return [...accepted, ...gates.map(({ gate, exitCode }): Red => ({ by: "gate", name: gate, findings: [`exit code ${exitCode} on the merged tree`] }))];
}
