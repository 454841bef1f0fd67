import { ERRORS, SlipwayError } from "@slipway/protocol/errors";
import type { Failure } from "@slipway/protocol/job";
import type { ControlPlane } from "../../control-plane.ts";
import { sha256 } from "../../secrets.ts";
import type { CallAttempt } from "../../store/store.ts";
import type { Handlers } from "../call.ts";
import { invalidField } from "../errors.ts";

type Names = "registerGateway" | "reserveModelCall" | "settleModelCall" | "attemptModel" | "daySpending" | "recordModelCall" | "replayedCassette";

/** What gateways report of the model calls of attempts, and what a worker asks about them. */
export function modelCallHandlers(plane: ControlPlane): Pick<Handlers, Names> {
  return {
    registerGateway: async ({ body }) => {
      const jobIds = await plane.store.chargeEarlierEpochs(body.gatewayId, body.epoch);
      for (const jobId of new Set(jobIds)) plane.events.changed(jobId, "events");
      return { charged: jobIds.length };
    },
    reserveModelCall: async ({ body }) => {
      await plane.leaseClock.check();
      const { token, ...call } = body;
      const answer = await plane.store.reserveCall({ ...call, tokenSha256: sha256(token), dayBudget: plane.dayBudget });
      if (answer.status === "reserved") {
        const { jobId, number, fence, aheadForMs, cassette } = answer;
        return { jobId, number, fence, ...(aheadForMs === null ? {} : { aheadForMs }), ...(cassette === null ? {} : { cassette }) };
      }
      const { failure, jobId, fence, workerId, waiting } = answer;
      if (!waiting) plane.signals.send(workerId, { type: "stop", jobId, fence, failure });
      throw new SlipwayError(failure.code, failure.message, failure.details);
    },
    settleModelCall: async ({ params, body }) => {
      if (params.call !== body.callId) throw invalidField("callId", body.callId, `expected the id in the path, ${params.call}`);
      await plane.leaseClock.check();
      const { jobId, fence, workerId } = await plane.store.settleCall(body);
      plane.events.changed(jobId, "events");
      if (workerId !== null && isHopeless(body.failure)) plane.signals.send(workerId, { type: "stop", jobId, fence, failure: body.failure });
      return {};
    },
    attemptModel: async ({ params }) => {
      const model = await plane.store.attemptModel(params.job, params.fence);
      if (!model) throw new SlipwayError("NOT_FOUND", "There is no such attempt.", { job: params.job, fence: params.fence });
      return model;
    },
    recordModelCall: async ({ params, body }) => {
      if (params.call !== body.callId) throw invalidField("callId", body.callId, `expected the id in the path, ${params.call}`);
      const { jobId, fence, record } = await attemptOf(plane, params.call);
      if (!record) throw new SlipwayError("CONFLICT", "The job of this call is not recorded.", { callId: params.call });
      await plane.store.putCassette(params.call, await plane.cassettes.add(jobId, fence, body));
      return {};
    },
    replayedCassette: async ({ params }) => {
      const { replay } = await attemptOf(plane, params.call);
      if (!replay) throw new SlipwayError("CONFLICT", "The job of this call is no replay.", { callId: params.call });
      return { from: replay, calls: await plane.cassettes.read(replay.jobId, replay.fence) };
    },
    daySpending: async () => ({ ...(await plane.store.daySpending()), budget: plane.dayBudget }),
  };
}

async function attemptOf(plane: ControlPlane, callId: string): Promise<CallAttempt> {
  const attempt = await plane.store.callAttempt(callId);
  if (!attempt) throw new SlipwayError("NOT_FOUND", `There is no model call ${callId}.`, { callId });
  return attempt;
}

/** Codes after which no further call of an attempt can do better, beside those that a person has to mend. */
const HOPELESS: ReadonlySet<string> = new Set(["BUDGET_EXCEEDED", "CASSETTE_MISMATCH"]);

/**
 * True where no further call of the attempt can succeed: a person has to act first, or the budget is used up. Not for what the agent may mend itself, such as
 * a conversation that it can shorten, nor for what passes.
 */
function isHopeless(failure: Failure | null): failure is Failure {
  return failure !== null && (ERRORS[failure.code].retry === "person" || HOPELESS.has(failure.code));
}
