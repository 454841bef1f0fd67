import { pushCommit, type WorkerRepository } from "@slipway/git/repository";
import type { AttemptContext } from "../attempt/context.ts";
import type { Deadline } from "./deadline.ts";
import { inPhase } from "./phase.ts";
import { withHub } from "./retry.ts";

/** Puts the job's commit on the hub, where it is inert until the attempt's finish names it. REPOSITORY_UNREACHABLE. */
export async function pushChange(context: AttemptContext, repository: WorkerRepository, oid: string, deadline: Deadline): Promise<void> {
  const push = async (): Promise<null> => {
    await pushToOwnRef(context, repository, oid, deadline.commitMs(), context.signal);
    return null;
  };
  // Pushing the same commit again is no harm.
  await inPhase(context, "push", "push:phase", () => context.journal.step("push", push));
}

/** The push alone, within `limitMs`. REPOSITORY_UNREACHABLE. */
export async function pushToOwnRef(context: AttemptContext, repository: WorkerRepository, oid: string, limitMs: number, signal: AbortSignal): Promise<void> {
  const { pushRef } = context.claim.hub;
  await withHub(signal, limitMs, (limited) => pushOnce(context, repository, oid, pushRef, limited));
}

/** One try, to any ref that the attempt may push. REPOSITORY_UNREACHABLE. */
export async function pushOnce({ claim }: AttemptContext, repository: WorkerRepository, oid: string, ref: string, signal: AbortSignal): Promise<void> {
  // The base came from there, and the commit has no other parent.
  await pushCommit(repository, claim.hub, oid, ref, signal, { known: [claim.job.baseOid] });
}
