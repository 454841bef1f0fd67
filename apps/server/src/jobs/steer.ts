import { SlipwayError } from "@slipway/protocol/errors";
import type { JobView } from "@slipway/protocol/job";
import { newId } from "@slipway/protocol/scalars";
import type { ControlPlane } from "../control-plane.ts";
import type { Actor } from "../store/store.ts";
import { findJob } from "./find-job.ts";

/**
 * Sends a message to the agent of a running turn, by way of its worker. It arrives at most once: a worker that is lost meanwhile takes it with it. CONFLICT, with what was
 * expected, where no turn runs, the backend's agent takes no messages, or the worker is not connected.
 */
export async function steerJob(plane: ControlPlane, idOrNumber: string, text: string, by: Actor): Promise<{ job: JobView; messageId: string }> {
  const job = await findJob(plane.store, idOrNumber);
  const refuse = (why: string, expected: string, hint: string): SlipwayError =>
    new SlipwayError("CONFLICT", `Job ${job.number} cannot be steered: ${why}.`, { state: job.state, backend: job.backend, expected, hint });
  const phase = job.state === "running" && job.kind === "task" ? await plane.store.currentPhase(job.id) : null;
  if (phase?.phase !== "turn" || phase.isOver || job.workerId === null) {
    const now = job.state === "running" ? `its agent is not at work, ${phase ? `the phase is ${phase.phase}` : "it has just begun"}` : `it is ${job.state}`;
    throw refuse(now, "a job whose agent is in a turn", `Look with \`slipway explain ${job.number}\`; a message is for an agent at work.`);
  }
  const { workerId, fence } = job;
  const worker = (await plane.store.listWorkers()).find(({ id }) => id === workerId);
  if (!worker?.backends.find(({ name }) => name === job.backend)?.capabilities.steer) {
    const hint = "Cancel it and submit the task again, with what it should know; `slipway backends` says which agents can be steered.";
    throw refuse(`the agent of ${job.backend} takes no messages`, "a backend with the capability steer", hint);
  }
  const messageId = newId();
  if (!plane.signals.send(workerId, { type: "steer", jobId: job.id, fence, messageId, text }))
    throw refuse(`its worker ${worker.name} is not connected`, "a worker that is connected", "Try again when `slipway workers` shows it connected.");
  await plane.store.recordAudit({ action: "steerJob", by, object: { kind: "job", key: job.id }, outcome: "ok" });
  return { job, messageId };
}
