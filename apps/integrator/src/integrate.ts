import type { Signer } from "@slipway/git/sign";
import type { StoreKeeper } from "@slipway/git/store-keeper";
import type { Client } from "@slipway/protocol/client";
import { type ErrorCode, SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import type { ClaimedCompletion } from "@slipway/protocol/integrator-api";
import type { Logger } from "pino";
import { awaitVerification } from "./await-verification.ts";
import { before } from "./before.ts";
import { insistOnServer } from "./insist.ts";
import { land, type Merged, readTarget } from "./land.ts";
import { holdLease } from "./lease.ts";
import { mergeOntoTarget } from "./merge-onto-target.ts";
import type { StateFolder } from "./state-folder.ts";
import type { Step } from "./step.ts";
import type { Car, Train } from "./train.ts";

export interface Integration {
  readonly client: Client;
  readonly state: StateFolder;
  readonly stores: StoreKeeper;
  readonly log: Logger;
  /** Signs what lands; undefined: nothing is signed. */
  readonly signer?: Signer | undefined;
}

/** Where a completion stands, and what ends the work on it early. */
export interface Place {
  readonly train: Train;
  readonly car: Car;
  readonly stop: AbortSignal;
}

/** Whether it goes to the repository's own address, on a branch or as a pull request, and leaves the target where it is. */
export function isDelivery({ job: { landing } }: ClaimedCompletion): boolean {
  return landing === "pr" || landing === "branch";
}

/** How the integration of one completion ended. `left`: the lease was lost or is left to run out, or the integrator stops; another claim goes on. */
export type Ending =
  | { readonly kind: "landed"; readonly oid: string }
  | { readonly kind: "rejected"; readonly code: ErrorCode }
  | { readonly kind: "left"; readonly code: ErrorCode };

/** How often, over all claims of a completion, its target may move just before it lands before it is given up. */
const MOVE_LIMIT = 5;

/** No fault of the change: it is integrated when there is room again, or a key that signs, or when a person has let its target go on. */
const LEFT: readonly ErrorCode[] = ["DISK_FULL", "SIGNING_FAILED", "TRAIN_FROZEN", "LANDING_UNSAFE"];

/** Merge, verify, land: everything between a claimed completion and its final state. Never throws. */
export async function integrate(integration: Integration, claimed: ClaimedCompletion, place: Place): Promise<Ending> {
  const { train, car } = place;
  await using lease = holdLease(integration.client, claimed, place.stop);
  const ending = await endOf(integration, claimed, place, AbortSignal.any([lease.signal, car.expelled]));
  train.leave(car);
  return ending;
}

async function endOf(integration: Integration, claimed: ClaimedCompletion, place: Place, lease: AbortSignal): Promise<Ending> {
  try {
    using _inUse = await integration.stores.use(claimed.completion.repoId, [claimed.completion.oid]);
    return await new Ride(integration, claimed, place, lease).toEnd();
  } catch (error) {
    const failure = toSlipwayError(error);
    if (lease.aborted || failure.code === "LEASE_LOST") return { kind: "left", code: lostBy(lease) };
    if (LEFT.includes(failure.code)) {
      integration.log.warn({ err: error }, "integration put off");
      return { kind: "left", code: failure.code };
    }
    integration.log.error({ err: error }, "integration failed");
    return await rejectWith(integration, claimed, failure, lease);
  }
}

/** One completion's way through its train, round by round. */
class Ride {
  readonly #integration: Integration;
  readonly #claimed: ClaimedCompletion;
  readonly #place: Place;
  readonly #lease: AbortSignal;
  #moves: number;
  #secondRuns = 0;
  /** Of the newest round that came so far. */
  #mergedOid = "";

  constructor(integration: Integration, claimed: ClaimedCompletion, place: Place, lease: AbortSignal) {
    this.#integration = integration;
    this.#claimed = claimed;
    this.#place = place;
    this.#lease = lease;
    this.#moves = claimed.fence;
  }

  async toEnd(): Promise<Ending> {
    const { car, train } = this.#place;
    for (;;) {
      const { over } = car.round;
      try {
        const ending = await this.#round();
        if (ending) return ending;
      } catch (error) {
        if (this.#lease.aborted || !over.aborted) throw error;
        // It landed with another one while it was about to begin anew.
        if (car.hasLanded) return { kind: "landed", oid: this.#mergedOid };
      }
      this.#integration.log.debug({ train: train.order }, "built anew");
    }
  }

  /** Undefined where another round is to follow. Throws where it is over before it has an end. */
  async #round(): Promise<Ending | undefined> {
    const { car, train } = this.#place;
    const { log } = this.#integration;
    const { round } = car;
    const { ahead } = round;
    const signal = AbortSignal.any([this.#lease, round.over]);
    const targetOid = ahead ? await before(signal, ahead.built) : await this.#target();
    const folder = await this.#integration.state.repositoryFolder(this.#claimed.completion.repoId);
    // Not cut short where the round is over: a push that is half way could come after the next one.
    const merge = await mergeOntoTarget(this.#claimed, {
      targetOid,
      from: ahead ? "jobs" : "upstream",
      folder,
      signal: this.#lease,
      signer: this.#integration.signer,
    });
    signal.throwIfAborted();
    if (merge.kind === "refused") return { kind: "left", code: "TARGET_MOVED" };
    if (merge.kind === "conflict") {
      train.stepAside(car);
      // Onto what has not landed it says nothing of the target yet.
      if (ahead) await before(signal, ahead.landed);
      return await this.#reject(conflict(this.#claimed, targetOid, merge.paths));
    }
    round.setBuilt(merge.oid, targetOid);
    this.#mergedOid = merge.oid;
    log.debug({ mergedOid: merge.oid, expectedOld: targetOid, train: train.order }, "merged");
    for (;;) {
      const step = await before(signal, train.stepOf(car));
      try {
        return await this.#inStep(step, merge.oid, AbortSignal.any([signal, step.over]));
      } catch (error) {
        if (signal.aborted || !step.over.aborted) throw error;
      }
    }
  }

  /** Verified and landed with those that it is tested with: by the last of them, for all. */
  async #inStep(step: Step, mergedOid: string, signal: AbortSignal): Promise<Ending | undefined> {
    const { car, train } = this.#place;
    const { log } = this.#integration;
    if (car !== step.last) {
      await before(signal, step.landed);
      return { kind: "landed", oid: mergedOid };
    }
    const merged = { mergedOid, expectedOld: step.onto, batch: step.batch };
    if (merged.batch.length > 0) log.info({ ...merged, batch: step.cars.map(({ name }) => name) }, "tested together");
    try {
      const refused = await this.#refusal(step, merged, signal);
      if (refused === "again") return undefined;
      if (refused) return await this.#reject(refused);
      if (step.ahead) await before(signal, step.ahead.landed);
      if ((await land(this.#integration.client, this.#claimed, merged, this.#lease)) === "landed") {
        train.landed(step);
        return { kind: "landed", oid: mergedOid };
      }
    } catch (error) {
      const lost = lostMember(step, error);
      if (!lost) throw error;
      // It leaves the train, and then this step is over.
      lost.expel(error);
      return await before(signal, new Promise<never>(() => undefined));
    }
    if (this.#moves >= MOVE_LIMIT) return await this.#reject(alwaysMoved(this.#claimed));
    this.#moves += 1;
    log.info("target moved, merging again");
    train.rebuild(step.cars[0] ?? car);
    return undefined;
  }

  /** What is at the repository's address has not to be what the hub's branch has: of a delivery the server has told it with the claim. */
  async #target(): Promise<string | null> {
    return isDelivery(this.#claimed) ? this.#claimed.targetOid : await readTarget(this.#integration.client, this.#claimed, this.#lease);
  }

  /**
   * Why the merged tree may not land; undefined where it may. What is red steps aside, so that those behind go on without it, and is judged when what it was
   * built on has landed: until then the fault may be in there. Of several that were tested together nobody knows whose fault it is: they are tested again in
   * halves. Of one a second run that is green brings it back, at the end of the train (`again`).
   */
  async #refusal(step: Step, merged: Merged, signal: AbortSignal): Promise<SlipwayError | "again" | undefined> {
    const { car, train } = this.#place;
    const { client, log } = this.#integration;
    let verdict = await awaitVerification(client, this.#claimed, { ...merged, run: 1 }, signal);
    if (verdict.status === "verified") {
      train.tested(step);
      return undefined;
    }
    log.info({ code: verdict.code, ...merged }, "the merged tree was refused");
    train.stepAside(...step.cars);
    train.tested(step);
    if (step.ahead) await before(signal, step.ahead.landed);
    if (merged.batch.length > 0) {
      log.info({ batch: step.cars.map(({ name }) => name) }, "tested again in halves");
      train.split(step);
      return "again";
    }
    if (verdict.mayRunAgain && this.#secondRuns === 0) {
      this.#secondRuns += 1;
      verdict = await awaitVerification(client, this.#claimed, { ...merged, run: 2 }, signal);
      if (verdict.status === "verified") {
        log.info(merged, "the merged tree is green when verified again");
        train.toEnd(car);
        return "again";
      }
    }
    return new SlipwayError(verdict.code, verdict.message, verdict.details);
  }

  async #reject(failure: SlipwayError): Promise<Ending> {
    return await rejectWith(this.#integration, this.#claimed, failure, this.#lease);
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
  return new SlipwayError("TARGET_MOVED", `${target} moved again and again while the change was about to land.`, { target, moves: MOVE_LIMIT, hint });
}

/** The car of a step, but the last one, whose lease is over, where that is what went wrong. */
function lostMember(step: Step, error: unknown): Car | undefined {
  if (!(error instanceof SlipwayError) || error.code !== "LEASE_LOST") return undefined;
  return step.cars.slice(0, -1).find(({ id }) => id === error.details["completion"]);
}

function lostBy(signal: AbortSignal): ErrorCode {
  return signal.reason instanceof SlipwayError ? signal.reason.code : "LEASE_LOST";
}
