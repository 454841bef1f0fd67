import { LEASE_TTL_MS } from "@slipway/protocol/worker-api";
import { claimCompletion } from "../../claims/claim-completion.ts";
import type { ControlPlane } from "../../control-plane.ts";
import { holdCompletion } from "../../landing/hold.ts";
import { landCompletion } from "../../landing/land.ts";
import { rejectCompletion } from "../../landing/reject.ts";
import { verifyCompletion } from "../../landing/verify.ts";
import type { Handlers } from "../call.ts";

type Names = "claimCompletion" | "renewCompletion" | "verifyCompletion" | "landCompletion" | "rejectCompletion";

/** What an integrator does with completions. */
export function completionHandlers(plane: ControlPlane): Pick<Handlers, Names> {
  return {
    claimCompletion: async ({ body, baseUrl, signal }) => ({ claimed: await claimCompletion(plane, body, baseUrl, signal) }),
    renewCompletion: async ({ params }) => {
      await holdCompletion(plane, params.completion, params.fence);
      return { ttlMs: LEASE_TTL_MS };
    },
    verifyCompletion: async ({ params, body }) => await verifyCompletion(plane, params.completion, params.fence, body),
    landCompletion: async ({ params, body }) => ({ completion: await landCompletion(plane, params.completion, params.fence, body) }),
    rejectCompletion: async ({ params, body }) => ({ completion: await rejectCompletion(plane, params.completion, params.fence, body) }),
  };
}
