import type { ClaimedCompletion } from "@slipway/protocol/integrator-api";
import { insistOnServer } from "./insist.ts";
import { type Integration, integrate } from "./integrate.ts";

/** How long the server may hold a question for work, in ms. */
const HOLD_MS = 30_000;

/**
 * Claims completions one by one and integrates up to `parallel` of them side by side; the server hands out one completion of a target at a time. A
 * claim's id is on disk before it is asked with, so that a killed integrator reads its claims again and goes on with them. Ends when `stop` aborts
 * and all work has let go. Throws where the server refuses the integrator itself (its token, for one).
 */
export async function runClaimLoop(integration: Integration, parallel: number, stop: AbortSignal): Promise<void> {
  const { state } = integration;
  const failed = new AbortController();
  const signal = AbortSignal.any([stop, failed.signal]);
  const atWork = new Set<Promise<void>>();
  const begin = (claimId: string, claimed: ClaimedCompletion): void => {
    const work: Promise<void> = workOn(integration, claimId, claimed, signal)
      .catch((error: unknown) => failed.abort(error))
      .finally(() => atWork.delete(work));
    atWork.add(work);
  };
  try {
    for (const claimId of await state.openClaims()) {
      const claimed = await claim(integration, claimId, 0, signal);
      if (claimed === null) await state.endClaim(claimId);
      else begin(claimId, claimed);
    }
    for (let claimId: string | undefined; ; ) {
      if (atWork.size >= parallel) await Promise.race(atWork);
      signal.throwIfAborted();
      claimId ??= await state.beginClaim();
      // After an answer that was empty the same id serves again.
      const claimed = await claim(integration, claimId, HOLD_MS, signal);
      if (claimed === null) continue;
      begin(claimId, claimed);
      claimId = undefined;
    }
  } catch (error) {
    if (!signal.aborted) failed.abort(error);
  } finally {
    await Promise.all(atWork);
  }
  if (!stop.aborted) throw failed.signal.reason;
}

async function claim({ client, state }: Integration, claimId: string, waitMs: number, signal: AbortSignal): Promise<ClaimedCompletion | null> {
  const body = { claimId, integratorId: state.integratorId, waitMs };
  const { claimed } = await insistOnServer(() => client.call("claimCompletion", { body, signal }), signal);
  return claimed;
}

async function workOn(integration: Integration, claimId: string, claimed: ClaimedCompletion, signal: AbortSignal): Promise<void> {
  const log = integration.log.child({ completion: claimed.completion.id, job: claimed.job.number, target: claimed.completion.target, fence: claimed.fence });
  log.info("completion claimed");
  const startedAt = performance.now();
  const ending = await integrate({ ...integration, log }, claimed, signal);
  log.info({ ...ending, durationMs: Math.round(performance.now() - startedAt) }, "completion ended");
  // What is left because the integrator stops is read again by the same id at the next start.
  if (!signal.aborted) await integration.state.endClaim(claimId);
}
