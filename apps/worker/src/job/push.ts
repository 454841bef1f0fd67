import { pushCommit, type WorkerRepository } from "@slipway/git/repository";
import type { AttemptContext } from "../attempt/context.ts";
import type { Deadline } from "./deadline.ts";
import { inPhase } from "./phase.ts";
import { withHub } from "./retry.ts";

/** Puts the job's commit on the hub, where it is inert until the attempt's finish names it. REPOSITORY_UNREACHABLE. */
export async function pushChange(context: AttemptContext, repository: WorkerRepository, oid: string, deadline: Deadline): Promise<void> {
  const { claim } = context;
  // The base came from there, and the commit has no other parent.
  const known = [claim.job.baseOid];
  const push = async (): Promise<null> => {
    await withHub(context.signal, deadline.commitMs(), (signal) => pushCommit(repository, claim.hub, oid, claim.hub.pushRef, signal, { known }));
    return null;
  };
  // Pushing the same commit again is no harm.
  await inPhase(context, "push", "push:phase", () => context.journal.step("push", push));
}
