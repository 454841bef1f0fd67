import { join } from "node:path";
import { writeChangedFiles } from "@slipway/git/handover";
import type { WorkerRepository } from "@slipway/git/repository";
import type { JobView } from "@slipway/protocol/job";
import type { AttemptContext } from "../attempt/context.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import type { Deadline } from "./deadline.ts";
import { bringIn, isTakenOver } from "./handover.ts";

/** Of the journal's step that brings it in. */
const STEP = "continued-work";

/**
 * The commit with the work that the job goes on from, where it is to come into the workspace; undefined where there is none, or where a later state of the same work
 * comes in its place: of a change that went back to the agent, or of the backend before.
 */
export function continuedWork({ continues, revision, handover }: Pick<JobView, "continues" | "revision" | "handover">): string | undefined {
  if (!continues?.work || revision) return undefined;
  return isTakenOver({ handover, revision }) && handover?.oid ? undefined : continues.work.oid;
}

/**
 * Brings the work that a person commented on into the workspace, once: after the setup, which has a network and must not run what an agent wrote.
 * WORKSPACE_FAILED.
 */
export async function bringContinuedWork(context: AttemptContext, sandbox: Sandbox, repository: WorkerRepository, deadline: Deadline): Promise<void> {
  const { job } = context.claim;
  const oid = continuedWork(job);
  if (oid === undefined) return;
  const files = await context.journal.step<number>(STEP, async () => {
    const out = join(context.paths.work, "continued-work");
    const changes = await writeChangedFiles(repository, { baseOid: job.baseOid, oid, out, signal: context.signal });
    if (changes.length > 0) await bringIn(context, sandbox, out, { what: `The work of job ${job.continues?.number}`, timeoutMs: deadline.prepareMs() });
    return changes.length;
  });
  const text = `It goes on from the work of job ${job.continues?.number}: ${files === 1 ? "1 file" : `${files} files`} of ${oid.slice(0, 12)} are in the workspace.`;
  await context.events.emitOnce("continued-work", { kind: "notice", data: { level: "info", text } });
}
