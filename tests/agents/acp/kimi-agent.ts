import { kimiBackend } from "@slipway/backend-acp/profiles/kimi";
import type { BackendDefinition } from "@slipway/backend-sdk/backend";
import type { AgentUnderTest } from "../matrix/agent-under-test.ts";

export const kimi: AgentUnderTest = {
  backend: kimiBackend as unknown as BackendDefinition,
  module: import.meta.filename,
  exportName: "kimi",
  impatient: { silenceTimeoutSeconds: 1 },
  usage: "exact",
  survivesKill: true,
  hidesToken: true,
  bounded: { maxSteps: 5 },
};
