import { codexBackend } from "@slipway/backend-codex/backend";
import type { BackendDefinition } from "@slipway/backend-sdk/backend";
import type { AgentUnderTest } from "../matrix/agent-under-test.ts";

export const codex: AgentUnderTest = {
  backend: codexBackend as unknown as BackendDefinition,
  module: import.meta.filename,
  exportName: "codex",
  impatient: { silenceTimeoutSeconds: 1 },
  usage: "exact",
  survivesKill: true,
  hidesToken: true,
};
