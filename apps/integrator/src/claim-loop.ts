import type { ClaimedCompletion } from "@slipway/protocol/integrator-api";
import { insistOnServer } from "./insist.ts";
import { type Integration, integrate, isDelivery, type Place } from "./integrate.ts";
import { type Boarding, type Car, Train } from "./train.ts";

/** How long the server may hold a question for work, in ms. */
const HOLD_MS = 30_000;

/**
 * Claims completions one by one and integrates up to `parallel` of them side by side, those of one target as a train, in the order in which the server hands
 * them out. A claim's id is on disk before it is asked with, so that a killed integrator reads its claims again and goes on with them. Ends when `stop` aborts
 * and all work has let go. Throws where the server refuses the integrator itself (its token, for one).
 */
export async function runClaimLoop(integration: Integration, parallel: number, stop: AbortSignal): Promise<void> {
  const { state } = integration;
  const failed = new AbortController();
  const signal = AbortSignal.any([stop, failed.signal]);
  const atWork = new Set<Promise<void>>();
  const trains = new Trains();
  const begin = (claimId: string, claimed: ClaimedCompletion): void => {
    // In the order of the claims: nothing may come between a claim and its place.
    const { train, car } = trains.board(claimed);
    const work: Promise<void> = workOn(integration, claimId, claimed, { train, car, stop: signal })
      .catch((error: unknown) => failed.abort(error))
      .finally(() => {
        atWork.delete(work);
        trains.tidy(claimed);
      });
    atWork.add(work);
  };
  try {
    for (const { claimId, claimed } of await claimedBefore(integration, signal)) begin(claimId, claimed);
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

/** What was in hand when the integrator ended, in its order; the id of a claim that has ended may have taken something new. */
async function claimedBefore(integration: Integration, signal: AbortSignal): Promise<Array<{ claimId: string; claimed: ClaimedCompletion }>> {
  const found: Array<{ claimId: string; claimed: ClaimedCompletion }> = [];
  for (const claimId of await integration.state.openClaims()) {
    const claimed = await claim(integration, claimId, 0, signal);
    if (claimed === null) await integration.state.endClaim(claimId);
    else found.push({ claimId, claimed });
  }
  return found.sort((a, b) => a.claimed.place - b.claimed.place);
}

/** The trains that there are now, one of each target that anything is on its way to. */
class Trains {
  readonly #trains = new Map<string, Train>();

  board(claimed: ClaimedCompletion): { train: Train; car: Car } {
    const train = this.#trains.get(keyOf(claimed)) ?? new Train();
    this.#trains.set(keyOf(claimed), train);
    return { train, car: train.board(`job ${claimed.job.number}`, claimed.place, boardingOf(claimed)) };
  }

  tidy(claimed: ClaimedCompletion): void {
    if (this.#trains.get(keyOf(claimed))?.isEmpty) this.#trains.delete(keyOf(claimed));
  }
}

function boardingOf({ completion, fence, train, batchKey }: ClaimedCompletion): Boarding {
  return { id: completion.id, fence, batchKey, ...train };
}

/** What goes out on a branch of its own does not move the target: nothing is built on it, and it on nothing. */
function keyOf(claimed: ClaimedCompletion): string {
  const { id, repoId, target } = claimed.completion;
  return isDelivery(claimed) ? `${repoId} ${target} ${id}` : `${repoId} ${target}`;
}

async function claim({ client, state }: Integration, claimId: string, waitMs: number, signal: AbortSignal): Promise<ClaimedCompletion | null> {
  const body = { claimId, integratorId: state.integratorId, waitMs };
  const { claimed } = await insistOnServer(() => client.call("claimCompletion", { body, signal }), signal);
  return claimed;
}

async function workOn(integration: Integration, claimId: string, claimed: ClaimedCompletion, place: Place): Promise<void> {
  const log = integration.log.child({ completion: claimed.completion.id, job: claimed.job.number, target: claimed.completion.target, fence: claimed.fence });
  log.info("completion claimed");
  const startedAt = performance.now();
  const ending = await integrate({ ...integration, log }, claimed, place);
  log.info({ ...ending, durationMs: Math.round(performance.now() - startedAt) }, "completion ended");
  // What is left because the integrator stops is read again by the same id at the next start.
  if (!place.stop.aborted) await integration.state.endClaim(claimId);
}
