import { minisweBackend } from "@slipway/backend-miniswe/backend";
import type { BackendDefinition } from "@slipway/backend-sdk/backend";
import type { AgentUnderTest } from "../matrix/agent-under-test.ts";

export const miniswe: AgentUnderTest = {
  backend: minisweBackend as unknown as BackendDefinition,
  module: import.meta.filename,
  exportName: "miniswe",
  impatient: { silenceTimeoutSeconds: 1 },
  usage: "exact",
  survivesKill: true,
  hidesToken: true,
  bounded: { stepLimit: 5 },
  finish: "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT",
  slowness: 2,
};
