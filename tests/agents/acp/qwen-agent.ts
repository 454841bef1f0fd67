import { qwenBackend } from "@slipway/backend-acp/profiles/qwen";
import type { BackendDefinition } from "@slipway/backend-sdk/backend";
import type { AgentUnderTest } from "../matrix/agent-under-test.ts";

export const qwen: AgentUnderTest = {
  backend: qwenBackend as unknown as BackendDefinition,
  module: import.meta.filename,
  exportName: "qwen",
  impatient: { silenceTimeoutSeconds: 1 },
  usage: "exact",
  survivesKill: true,
  hidesToken: true,
  // The socket of a session of its commands.
  temporary: /^qwen-socks-/,
  bounded: { maxSteps: 5 },
};
