import { claudeAcpBackend } from "@slipway/backend-acp/profiles/claude-acp";
import type { BackendDefinition } from "@slipway/backend-sdk/backend";
import type { AgentUnderTest } from "../matrix/agent-under-test.ts";

export const claudeAcp: AgentUnderTest = {
  backend: claudeAcpBackend as unknown as BackendDefinition,
  module: import.meta.filename,
  exportName: "claudeAcp",
  impatient: { silenceTimeoutSeconds: 1 },
  usage: "exact",
  survivesKill: true,
  hidesToken: true,
  bounded: { maxSteps: 5 },
  temporary: /^(claude-\d+|cc-socks)$/,
};
