import type { JobView } from "@slipway/protocol/job";
import { PASSED_LIMIT } from "@slipway/protocol/train";
import { REAPER_TICK_MS } from "../../reaper.ts";
import type { DeliveryRow } from "../../store/deliveries.ts";
import { explainBlocked, explainRunning } from "./attempt.ts";
import { dueAt, type Known, type Waiting } from "./part.ts";
import { explainQueued } from "./queued.ts";

/** What happens to a job that nobody integrates. */
const AT_THE_DEADLINE = "If nobody has integrated it by the deadline, it fails with INTEGRATION_TIMEOUT; the hub keeps its commit for a while.";

/** How far a job's commit is on its way to the target, and who has it. */
export async function explainIntegrating(plane: Known, job: JobView): Promise<Waiting> {
  const at = await plane.store.integrationOf(job.id);
  const delivery = at === null && job.delivery ? await plane.store.getDelivery(job.id) : undefined;
  if (delivery) return explainDelivery(plane, delivery);
  if (at?.isLanding) {
    return {
      owner: "server",
      // Each of the reaper's rounds settles what a crash left half done.
      deadline: Date.now() + REAPER_TICK_MS,
      reason: `Its landing on ${job.target} is written down and being carried out.`,
      unblock: "Nothing to do: the server finishes it, after a crash too.",
    };
  }
  if (at?.frozen) {
    return {
      owner: "you",
      deadline: dueAt(job),
      reason: `${job.target} is frozen${at.frozen.by === null ? "" : ` by ${at.frozen.by}`} since ${new Date(at.frozen.at).toISOString()}: ${at.frozen.reason}`,
      unblock: `When that is mended, \`slipway train resume ${job.repo.name} --target ${job.target}\`. ${AT_THE_DEADLINE}`,
    };
  }
  const place = placeText(at?.ahead ?? []);
  const verifyJob = at?.verifyJobId ? await plane.store.getJob(at.verifyJobId) : undefined;
  if (verifyJob && verifyJob.endedAt === null) {
    const inner = await explainVerifying(plane, verifyJob);
    return { ...inner, reason: `Its merged tree is being verified by job ${verifyJob.number} (${verifyJob.state})${batchText(at)}.${place} ${inner.reason}` };
  }
  if (at && at.leaseUntil !== null) {
    return {
      owner: "integrator",
      deadline: at.leaseUntil,
      reason: `The integrator ${verifyJob ? "is about to land it on" : "merges it onto"} ${job.target}; its lease is renewed while it lives.${place}`,
      unblock: "Nothing to do: if the integrator dies, the next one takes over when the lease is over.",
    };
  }
  const last = at?.ahead.at(-1);
  if (last) {
    return {
      owner: "integrator",
      deadline: dueAt(job),
      reason: `Its commit waits to be let into the train of ${job.target}, behind job ${last.job} (${countText(at?.ahead.length ?? 0)} before it).${passText(at?.conflictsWith ?? [], at?.passed ?? 0)}`,
      unblock: `Nothing to do: it is let in when one of those has landed. \`slipway train show ${job.repo.name}\` lists them. ${AT_THE_DEADLINE}`,
    };
  }
  const what = at && at.claims > 0 ? "to be taken up again by an integrator" : `to be merged onto ${job.target}`;
  const asks = plane.completionRoom.size > 0;
  return {
    owner: "integrator",
    deadline: dueAt(job),
    reason: `Its commit waits ${what}${asks ? "." : ", and no integrator asks for work now: each is busy, or none runs."}`,
    unblock: `${asks ? "Nothing to do: an integrator takes it." : "If none runs, restart `slipway up` (Ctrl-C, then again), or start one."} ${AT_THE_DEADLINE}`,
  };
}

/** Where in the train it is, as far as others are before it there. */
function placeText(ahead: ReadonlyArray<{ job: number; isInTrain: boolean }>): string {
  const before = ahead.filter(({ isInTrain }) => isInTrain).map(({ job }) => job);
  if (before.length === 0) return "";
  const those = before.length === 1 ? `job ${before[0]} has` : `jobs ${before.join(", ")} have`;
  return ` It is number ${before.length + 1} of the train, and lands when ${those} landed.`;
}

/** With which others it is verified, or was to no avail. */
function batchText(at: { batch: number | null; bisects: number } | null): string {
  const together = at && at.batch !== null ? `, together with others up to job ${at.batch}` : "";
  return at && at.bisects > 0
    ? `${together}, in a smaller batch after ${at.bisects === 1 ? "one" : at.bisects} that ${at.bisects === 1 ? "was" : "were"} red`
    : together;
}

/** Why others are let in before it, as far as that is so. */
function passText(conflictsWith: readonly number[], passed: number): string {
  if (conflictsWith.length === 0) return "";
  const whom = conflictsWith.length === 1 ? `job ${conflictsWith[0]}` : `jobs ${conflictsWith.join(", ")}`;
  return ` It is foreseen to conflict with ${whom} ahead of it, so up to ${PASSED_LIMIT} changes of its priority that conflict with none are let in first; ${passed} of them were.`;
}

function countText(count: number): string {
  return count === 1 ? "one is" : `${count} are`;
}

/** It is verified, and on its way to the repository's own address. */
function explainDelivery({ deliveryTimes }: Known, { state, branch, since, problem }: DeliveryRow): Waiting {
  const what =
    state === "opening"
      ? `The branch ${branch} is pushed, and its pull request is being opened.`
      : `Its branch ${branch} is being pushed to the repository's address.`;
  return {
    owner: "server",
    deadline: since + deliveryTimes.giveUpMs,
    reason: problem === null ? what : `${what} The newest try ended with ${problem.code}: ${problem.message}`,
    unblock: "Nothing to do: the server tries again, after a restart too. At the deadline the job is blocked, with its commit and branch kept.",
  };
}

async function explainVerifying(plane: Known, verifyJob: JobView): Promise<Waiting> {
  if (verifyJob.state === "queued") return await explainQueued(plane, verifyJob);
  return verifyJob.state === "running" ? await explainRunning(plane, verifyJob) : explainBlocked(verifyJob);
}
