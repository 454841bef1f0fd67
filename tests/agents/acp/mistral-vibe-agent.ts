import { mistralVibeBackend } from "@slipway/backend-acp/profiles/mistral-vibe";
import type { BackendDefinition } from "@slipway/backend-sdk/backend";
import type { AgentUnderTest } from "../matrix/agent-under-test.ts";

export const mistralVibe: AgentUnderTest = {
  backend: mistralVibeBackend as unknown as BackendDefinition,
  module: import.meta.filename,
  exportName: "mistralVibe",
  impatient: { silenceTimeoutSeconds: 1 },
  usage: "exact",
  survivesKill: true,
  hidesToken: true,
  bounded: { maxSteps: 5 },
  // What its shell has of functions, where that is zsh.
  temporary: /^mistralai-vibe-login-shell-/,
  slowness: 2,
};
