import { pushCommit, type WorkerRepository } from "@slipway/git/repository";
import type { AttemptContext } from "../attempt/context.ts";
import { inPhase } from "./phase.ts";
import { HUB_RETRIES } from "./prepare.ts";
import { whileUnreachable } from "./retry.ts";

/** Puts the job's commit on the hub, where it is inert until the attempt's finish names it. REPOSITORY_UNREACHABLE. */
export async function pushChange(context: AttemptContext, repository: WorkerRepository, oid: string): Promise<void> {
  const { claim, signal } = context;
  // The base came from there, and the commit has no other parent.
  const known = [claim.job.baseOid];
  const push = async (): Promise<null> => {
    await whileUnreachable(signal, () => pushCommit(repository, claim.hub, oid, claim.hub.pushRef, signal, { known }), HUB_RETRIES);
    return null;
  };
  // Pushing the same commit again is no harm.
  await inPhase(context, "push", "push:phase", () => context.journal.step("push", push, "written"));
}
