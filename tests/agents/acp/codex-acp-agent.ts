import { codexAcpBackend } from "@slipway/backend-acp/profiles/codex-acp";
import type { BackendDefinition } from "@slipway/backend-sdk/backend";
import type { AgentUnderTest } from "../matrix/agent-under-test.ts";

export const codexAcp: AgentUnderTest = {
  backend: codexAcpBackend as unknown as BackendDefinition,
  module: import.meta.filename,
  exportName: "codexAcp",
  impatient: { silenceTimeoutSeconds: 1 },
  usage: "exact",
  survivesKill: true,
  hidesToken: true,
  bounded: { maxSteps: 5 },
};
