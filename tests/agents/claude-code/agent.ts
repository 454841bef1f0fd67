import { claudeCodeBackend } from "@slipway/backend-claude-code/backend";
import type { BackendDefinition } from "@slipway/backend-sdk/backend";
import type { AgentUnderTest } from "../matrix/agent-under-test.ts";

export const claudeCode: AgentUnderTest = {
  backend: claudeCodeBackend as unknown as BackendDefinition,
  module: import.meta.filename,
  exportName: "claudeCode",
  impatient: { silenceTimeoutSeconds: 3 },
  usage: "exact",
  survivesKill: true,
  hidesToken: true,
  bounded: { maxTurns: 4 },
  temporary: /^(claude-\d+|cc-socks)$/,
};
