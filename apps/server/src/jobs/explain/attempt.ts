import type { JobView } from "@slipway/protocol/job";
import { dueAt, failureText, hintOf, type Known, type Waiting } from "./part.ts";

/** Where a running attempt is, and who ends it. */
export async function explainRunning(plane: Known, job: JobView): Promise<Waiting> {
  const worker = (await plane.store.listWorkers()).find(({ id }) => id === job.workerId);
  const name = worker?.name ?? job.workerId ?? "?";
  const attempt = `Attempt ${job.attempts} of ${job.maxAttempts} ${await phaseText(plane, job)} on the worker ${name}`;
  const stall = await plane.store.newestStall(job.id);
  const stalled = stall === null ? "" : ` Its agent stalled at ${new Date(stall).toISOString()}, and is asked once to go on.`;
  const logs = `\`slipway logs -f ${job.number}\` shows it live.`;
  if (job.workerId === null || !plane.signals.isConnected(job.workerId)) {
    return {
      owner: "worker",
      deadline: Math.min(job.leaseUntil ?? dueAt(job), dueAt(job)),
      reason: `${attempt}, which is not connected now; its lease runs out if it does not come back.`,
      unblock: `Nothing to do: when the lease is over, the job is tried again elsewhere. ${logs}`,
    };
  }
  return {
    owner: "worker",
    deadline: dueAt(job),
    reason: `${attempt}; its lease is renewed while the worker lives.${stalled}`,
    unblock: `Nothing to do: its worker ends it within ${Math.ceil(job.timeoutMs / 1_000)} s of its start, and the server at the deadline. ${logs}`,
  };
}

async function phaseText(plane: Known, job: JobView): Promise<string> {
  const phase = await plane.store.currentPhase(job.id);
  if (!phase) return "starts";
  return `${phase.isOver ? "has ended" : "is in"} its phase \`${phase.phase}\` (since ${new Date(phase.at).toISOString()})`;
}

/** Why a job is blocked: what only a person can mend. */
export function explainBlocked(job: JobView): Waiting {
  return {
    owner: "you",
    deadline: dueAt(job),
    reason: failureText(job, "A person has to act."),
    unblock: `${hintOf(job)} Then \`slipway retry ${job.number}\`, or \`slipway cancel ${job.number}\`. If nobody acts by the deadline, the job fails.`,
  };
}
