import type { Client } from "@slipway/protocol/client";
import { toSlipwayError } from "@slipway/protocol/errors";
import type { JobKind } from "@slipway/protocol/job";
import type { Claim } from "@slipway/protocol/worker-api";
import type { Logger } from "pino";
import type { Hold } from "./hold.ts";
import { pause } from "./pause.ts";
import type { PendingClaims } from "./pending-claims.ts";

/** How long the server may hold a claim request, in ms. */
export const CLAIM_WAIT_MS = 30_000;
const RETRY_MIN_MS = 200;
const RETRY_MAX_MS = 5_000;
/** How often a machine without room is looked at again, in ms. */
const NO_ROOM_PAUSE_MS = 5_000;
/** A server that answers "nothing" at once, such as one that is stopping, is asked again after this many ms. */
const EMPTY_ANSWER_PAUSE_MS = 500;

export interface ClaimLoopOptions {
  readonly client: Pick<Client, "call">;
  readonly workerId: string;
  readonly kind: JobKind;
  readonly pending: PendingClaims;
  /** Why nothing may be claimed now; undefined where something may. */
  readonly noRoom: () => Promise<string | undefined>;
  /** Is told that reason as long as there is one, and null afterwards. */
  readonly hold: Pick<Hold, "say">;
  /** Runs the attempt to its end; `settled` is called when the claim's id need not be kept any more. */
  readonly run: (claim: Claim, settled: () => Promise<void>) => Promise<void>;
  /** The server does not know this worker: registers it again. */
  readonly register: () => Promise<unknown>;
  readonly log: Logger;
}

/**
 * One slot: claims, runs the attempt, claims again. The request is held by the server until there is a job, so there is no timer; only errors are
 * followed by a pause. Ends when `signal` aborts (a drain or a stop), after the attempt that runs then; never rejects.
 */
export async function claimLoop(options: ClaimLoopOptions, signal: AbortSignal): Promise<void> {
  const { pending, kind, log } = options;
  let claimId: string | undefined;
  for (let failures = 0; !signal.aborted; ) {
    try {
      const reason = await options.noRoom();
      if (reason !== undefined) {
        await options.hold.say(reason);
        await pause(NO_ROOM_PAUSE_MS, signal);
        continue;
      }
      await options.hold.say(null);
      claimId ??= await pending.take(kind);
      const claim = await ask(options, claimId, signal);
      if (failures > 0) log.info({ kind }, "claiming again");
      failures = 0;
      if (!claim) continue;
      const settled = claimId;
      claimId = undefined;
      await options.run(claim, () => pending.settle(settled));
      await pending.settle(settled);
    } catch (error) {
      if (signal.aborted) return;
      const failure = toSlipwayError(error);
      if (failures === 0) log.warn({ err: failure, kind }, "no job could be claimed; trying again");
      if (failure.code === "NOT_FOUND") await options.register().catch((again: unknown) => log.warn({ err: again }, "the worker could not register again"));
      failures += 1;
      // The abort is this loop's own end, which it sees.
      await pause(Math.min(RETRY_MIN_MS * 2 ** failures, RETRY_MAX_MS), signal).catch(() => undefined);
    }
  }
}

async function ask(options: ClaimLoopOptions, claimId: string, signal: AbortSignal): Promise<Claim | null> {
  const startedAt = performance.now();
  const { claim } = await options.client.call("claim", { body: { claimId, workerId: options.workerId, kinds: [options.kind], waitMs: CLAIM_WAIT_MS }, signal });
  if (!claim && performance.now() - startedAt < EMPTY_ANSWER_PAUSE_MS) await pause(EMPTY_ANSWER_PAUSE_MS, signal);
  return claim;
}
