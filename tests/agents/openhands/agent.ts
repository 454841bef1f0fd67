import { openhandsBackend } from "@slipway/backend-openhands/backend";
import type { BackendDefinition } from "@slipway/backend-sdk/backend";
import type { AgentUnderTest } from "../matrix/agent-under-test.ts";

export const openhands: AgentUnderTest = {
  backend: openhandsBackend as unknown as BackendDefinition,
  module: import.meta.filename,
  exportName: "openhands",
  impatient: { requestTimeoutSeconds: 2 },
  usage: "exact",
  survivesKill: true,
  hidesToken: true,
  bounded: { stepLimit: 3 },
  slowness: 3,
};
