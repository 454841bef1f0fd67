import type { Signer } from "@slipway/git/sign";
import type { StoreKeeper } from "@slipway/git/store-keeper";
import type { Client } from "@slipway/protocol/client";
import { type ErrorCode, SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import type { ClaimedCompletion } from "@slipway/protocol/integrator-api";
import type { Logger } from "pino";
import { awaitVerification } from "./await-verification.ts";
import { insistOnServer } from "./insist.ts";
import { land, readTarget } from "./land.ts";
import { holdLease } from "./lease.ts";
import { mergeOntoTarget } from "./merge-onto-target.ts";
import type { StateFolder } from "./state-folder.ts";

export interface Integration {
  readonly client: Client;
  readonly state: StateFolder;
  readonly stores: StoreKeeper;
  readonly log: Logger;
  /** Signs what lands; undefined: nothing is signed. */
  readonly signer?: Signer | undefined;
}

/** How the integration of one completion ended. `left`: the lease was lost or is left to run out, or the integrator stops; another claim goes on. */
export type Ending =
  | { readonly kind: "landed"; readonly oid: string }
  | { readonly kind: "rejected"; readonly code: ErrorCode }
  | { readonly kind: "left"; readonly code: ErrorCode };

/** How many merges, over all claims of a completion, may be overtaken by a target that moves before it is given up. */
const MERGE_LIMIT = 5;

/** Merge, verify, land: everything between a claimed completion and its final state. Never throws. */
export async function integrate(integration: Integration, claimed: ClaimedCompletion, stop: AbortSignal): Promise<Ending> {
  await using lease = holdLease(integration.client, claimed, stop);
  try {
    return await mergeVerifyLand(integration, claimed, lease.signal);
  } catch (error) {
    const failure = toSlipwayError(error);
    if (lease.signal.aborted || failure.code === "LEASE_LOST") return { kind: "left", code: lostBy(lease.signal) };
    integration.log.error({ err: error }, "integration failed");
    // No fault of the change: it is integrated when there is room again, or a key that signs.
    if (failure.code === "DISK_FULL" || failure.code === "SIGNING_FAILED") return { kind: "left", code: failure.code };
    return await rejectWith(integration, claimed, failure, lease.signal);
  }
}

async function mergeVerifyLand(integration: Integration, claimed: ClaimedCompletion, signal: AbortSignal): Promise<Ending> {
  const { client, state, stores, log } = integration;
  using _inUse = await stores.use(claimed.completion.repoId, [claimed.completion.oid]);
  const folder = await state.repositoryFolder(claimed.completion.repoId);
  let targetOid = claimed.targetOid;
  for (let merges = claimed.fence; ; merges += 1) {
    const merge = await mergeOntoTarget(claimed, { targetOid, folder, signal, signer: integration.signer });
    if (merge.kind === "conflict") return await rejectWith(integration, claimed, conflict(claimed, targetOid, merge.paths), signal);
    if (merge.kind === "refused") return { kind: "left", code: "TARGET_MOVED" };
    const merged = { mergedOid: merge.oid, expectedOld: targetOid };
    log.debug(merged, "merged");
    const verdict = await awaitVerification(client, claimed, merged, signal);
    if (verdict.status === "rejected") return await rejectWith(integration, claimed, new SlipwayError(verdict.code, verdict.message, verdict.details), signal);
    if ((await land(client, claimed, merged, signal)) === "landed") return { kind: "landed", oid: merge.oid };
    if (merges >= MERGE_LIMIT) return await rejectWith(integration, claimed, alwaysMoved(claimed), signal);
    targetOid = await readTarget(client, claimed, signal);
    log.info({ targetOid }, "target moved, merging again");
  }
}

async function rejectWith({ client }: Integration, claimed: ClaimedCompletion, failure: SlipwayError, signal: AbortSignal): Promise<Ending> {
  const { code, message, details } = failure;
  try {
    await insistOnServer(
      () =>
        client.call("rejectCompletion", {
          params: { completion: claimed.completion.id, fence: claimed.fence },
          body: { code, message: message.slice(0, 20_000), details: { ...details } },
          signal,
        }),
      signal,
    );
    return { kind: "rejected", code };
  } catch (error) {
    // Refused or out of reach: the completion is not ours any more, and whoever has it next comes to an end of its own.
    return { kind: "left", code: signal.aborted ? lostBy(signal) : toSlipwayError(error).code };
  }
}

function conflict({ completion: { target } }: ClaimedCompletion, targetOid: string | null, paths: readonly string[]): SlipwayError {
  const named = paths.slice(0, 5).join(", ") + (paths.length > 5 ? ` and ${paths.length - 5} more` : "");
  return new SlipwayError("MERGE_CONFLICT", `The change conflicts with what landed on ${target} since its base: ${named}.`, { paths, target, targetOid });
}

function alwaysMoved({ completion: { target } }: ClaimedCompletion): SlipwayError {
  const hint = "Submit the job again with `slipway retry` when the branch is quieter.";
  return new SlipwayError("TARGET_MOVED", `${target} moved again and again while the change was about to land.`, { target, merges: MERGE_LIMIT, hint });
}

function lostBy(signal: AbortSignal): ErrorCode {
  return signal.reason instanceof SlipwayError ? signal.reason.code : "LEASE_LOST";
}
