import type { ChangeTopic } from "@slipway/protocol/changes";
import type { EndpointName } from "@slipway/protocol/endpoints";

/** Which listings are other ones after a call that went well. What changes jobs alone is told by their events. */
export const TOPICS_OF_CALLS: { readonly [N in EndpointName]?: readonly ChangeTopic[] } = {
  createRepository: ["repositories"],
  updateRepository: ["repositories"],
  syncBranch: ["repositories"],
  syncRepository: ["repositories"],
  resolveUpstream: ["repositories"],
  freezeTrain: ["trains"],
  resumeTrain: ["trains"],
  claimCompletion: ["trains"],
  verifyCompletion: ["trains"],
  landCompletion: ["trains", "repositories"],
  rejectCompletion: ["trains"],
  registerWorker: ["workers"],
  drainWorker: ["workers"],
  cordonWorker: ["workers"],
  uncordonWorker: ["workers"],
  holdWorker: ["workers"],
  reportWorker: ["workers"],
  resetBackend: ["circuits"],
  finish: ["circuits"],
  settleModelCall: ["spending"],
  createToken: ["tokens"],
  revokeToken: ["tokens"],
};
