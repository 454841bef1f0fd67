import { pushCommit, type WorkerRepository } from "@slipway/git/repository";
import type { AttemptContext } from "../attempt/context.ts";
import { inPhase } from "./phase.ts";
import { HUB_RETRIES } from "./prepare.ts";
import { whileUnreachable } from "./retry.ts";

/** Puts the job's commit on the hub, where it is inert until the attempt's finish names it. REPOSITORY_UNREACHABLE. */
export async function pushChange(context: AttemptContext, repository: WorkerRepository, oid: string): Promise<void> {
  const { claim, signal } = context;
  await inPhase(context, "push", "push:phase", () =>
    context.journal.step("push", async () => {
      await whileUnreachable(signal, () => pushCommit(repository, claim.hub, oid, claim.hub.pushRef, signal), HUB_RETRIES);
      return null;
    }),
  );
}
