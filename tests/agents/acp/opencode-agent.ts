import { opencodeBackend } from "@slipway/backend-acp/profiles/opencode";
import type { BackendDefinition } from "@slipway/backend-sdk/backend";
import type { AgentUnderTest } from "../matrix/agent-under-test.ts";

export const opencode: AgentUnderTest = {
  backend: opencodeBackend as unknown as BackendDefinition,
  module: import.meta.filename,
  exportName: "opencode",
  impatient: { silenceTimeoutSeconds: 1 },
  usage: "exact",
  survivesKill: true,
  hidesToken: true,
  // What its program unpacks, and its own folder.
  temporary: /^(opencode|\.[0-9a-f]+-[0-9a-f]+\.so)$/,
  bounded: { maxSteps: 5 },
  slowness: 2,
};
