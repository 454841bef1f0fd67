import { ERRORS } from "@slipway/protocol/errors";
import type { Explanation, JobView } from "@slipway/protocol/job";
import type { ControlPlane } from "../control-plane.ts";

type Part = Omit<Explanation, "state">;

/** Why the job is where it is: who has to act, until when, and what would move it on. There is an answer for every state. */
export async function explainJob(plane: ControlPlane, job: JobView): Promise<Explanation> {
  return { state: job.state, ...(await partOf(plane, job)) };
}

async function partOf(plane: ControlPlane, job: JobView): Promise<Part> {
  switch (job.state) {
    case "queued":
      return await explainQueued(plane, job);
    case "running":
      return await explainRunning(plane, job);
    case "integrating":
      return await explainIntegrating(plane, job);
    case "blocked":
      return {
        owner: "you",
        deadline: null,
        reason: failureText(job, "A person has to act."),
        unblock: `${hintOf(job)} Then \`slipway retry ${job.number}\`, or \`slipway cancel ${job.number}\`.`,
      };
    case "done":
      return { owner: "nobody", deadline: null, reason: doneText(job), unblock: "Nothing: the job is done." };
    case "failed":
      return {
        owner: "nobody",
        deadline: null,
        reason: failureText(job, "The job failed."),
        unblock: `${hintOf(job)} \`slipway retry ${job.number}\` submits it again.`,
      };
    case "cancelled":
      return {
        owner: "nobody",
        deadline: null,
        reason: failureText(job, "The job was cancelled."),
        unblock: `\`slipway retry ${job.number}\` submits it again.`,
      };
  }
}

async function explainQueued(plane: ControlPlane, job: JobView): Promise<Part> {
  const waiting = await plane.store.waitingFor(job.id);
  const open = waiting.dependencies.filter(({ state }) => state !== "done");
  if (open.length > 0) {
    const names = open.map(({ number, state }) => `job ${number} (${state})`).join(", ");
    return {
      owner: "job",
      deadline: null,
      reason: `It waits for ${names}.`,
      unblock: `It goes on when ${open.length === 1 ? "that job is" : "those jobs are"} done; if one does not end well, this one fails.`,
    };
  }
  if (waiting.runAfter !== null && waiting.runAfter > Date.now()) {
    const at = new Date(waiting.runAfter).toISOString();
    const failure = job.attempts > 0 ? (await plane.store.getJobDetail(job.id))?.attempts.at(-1)?.failure : null;
    const reason = failure ? `It is tried again at ${at}, after ${failure.code}: ${failure.message}` : `It is not to run before ${at}.`;
    return { owner: "clock", deadline: waiting.runAfter, reason, unblock: "Nothing to do: it becomes claimable at that time." };
  }
  if (waiting.repoRunning >= waiting.repoLimit && job.kind === "task") {
    return {
      owner: "repository",
      deadline: null,
      reason: `The repository ${job.repo.name} runs ${waiting.repoRunning} jobs, and ${waiting.repoLimit} may run at once.`,
      unblock: "It goes on when one of them ends; the limit is the repository's `maxRunning`.",
    };
  }
  return await explainUnclaimed(plane, job, waiting.ahead);
}

/** Nothing but the workers holds the job up. */
async function explainUnclaimed(plane: ControlPlane, job: JobView, ahead: number): Promise<Part> {
  const connected = (await plane.store.listWorkers()).filter(({ id }) => plane.signals.isConnected(id));
  if (connected.length === 0) return { owner: "you", deadline: null, reason: "No worker is connected.", unblock: "Start one, for example with `slipway up`." };
  const able = connected.filter(({ capabilities }) => job.requires.every((capability) => capabilities.includes(capability)));
  if (able.length === 0) {
    const missing = job.requires.filter((capability) => !connected.some(({ capabilities }) => capabilities.includes(capability)));
    const what = missing.length > 0 ? missing.join(", ") : job.requires.join(" together with ");
    return {
      owner: "you",
      deadline: null,
      reason: `No connected worker has ${what}.`,
      unblock: `Start a worker that has ${what}; \`slipway doctor\` says what is missing, or submit the job with another backend.`,
    };
  }
  const working = able.filter(({ draining }) => !draining);
  if (working.length === 0) {
    return {
      owner: "you",
      deadline: null,
      reason: "Every worker that could take it is draining.",
      unblock: "Start a worker again; a drained one takes jobs again after its restart.",
    };
  }
  const line =
    ahead > 0 ? `${ahead} ${ahead === 1 ? "job is" : "jobs are"} ahead of it and all slots are taken.` : "All slots of the workers that can take it are taken.";
  return { owner: "worker", deadline: null, reason: line, unblock: "Nothing to do: the next free slot takes it. More slots or workers make it quicker." };
}

async function explainRunning(plane: ControlPlane, job: JobView): Promise<Part> {
  const worker = (await plane.store.listWorkers()).find(({ id }) => id === job.workerId);
  const connection = job.workerId !== null && plane.signals.isConnected(job.workerId) ? "" : ", which is not connected now";
  return {
    owner: "worker",
    deadline: job.leaseUntil,
    reason: `Attempt ${job.attempts} of ${job.maxAttempts} runs on the worker ${worker?.name ?? job.workerId ?? "?"}${connection}; its lease is renewed while the worker lives.`,
    unblock: `Nothing to do: it ends by itself within ${Math.ceil(job.timeoutMs / 1_000)} s of its start. If the worker dies, the job is tried again when the lease ends. \`slipway logs -f ${job.number}\` shows it live.`,
  };
}

async function explainIntegrating(plane: ControlPlane, job: JobView): Promise<Part> {
  const completion = (await plane.store.getJobDetail(job.id))?.completion;
  const verifyJob = completion?.verifyJobId ? await plane.store.getJob(completion.verifyJobId) : undefined;
  if (verifyJob && verifyJob.endedAt === null) {
    const inner = await explainJob(plane, verifyJob);
    return { ...inner, reason: `Its merged tree is being verified by job ${verifyJob.number} (${verifyJob.state}). ${inner.reason}` };
  }
  const lease = completion ? await plane.store.getCompletion(completion.id) : undefined;
  if (lease?.intent)
    return {
      owner: "server",
      deadline: null,
      reason: `Its landing on ${job.target} is written down and being carried out.`,
      unblock: "Nothing to do: after a crash the server finishes it when it starts.",
    };
  if (completion && completion.fence > 0) {
    return {
      owner: "integrator",
      deadline: null,
      reason: `The integrator merges it onto ${job.target}.`,
      unblock: "Nothing to do: if the integrator dies, its lease ends within seconds and the next claim takes over.",
    };
  }
  if (plane.completionRoom.size === 0) {
    return {
      owner: "integrator",
      deadline: null,
      reason: `Its commit waits to be merged onto ${job.target}, and no integrator asks for work now: one is busy, or none runs.`,
      unblock: "If none runs, start one, for example with `slipway up`.",
    };
  }
  return {
    owner: "integrator",
    deadline: null,
    reason: `Its commit waits for its turn on ${job.target}.`,
    unblock: "Nothing to do: completions of one target land one after another.",
  };
}

function failureText(job: JobView, fallback: string): string {
  return job.failure ? `${job.failure.code}: ${job.failure.message}` : fallback;
}

function hintOf(job: JobView): string {
  if (!job.failure) return "Look at it with `slipway show`.";
  const own = job.failure.details["hint"];
  return typeof own === "string" ? own : ERRORS[job.failure.code].hint;
}

function doneText(job: JobView): string {
  if (job.kind === "verify") return "Every gate ran on the merged tree; its receipts say how.";
  return job.landedOid ? `It landed on ${job.target} as ${job.landedOid}.` : "It is done.";
}
