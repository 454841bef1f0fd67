import { geminiBackend } from "@slipway/backend-acp/profiles/gemini";
import type { BackendDefinition } from "@slipway/backend-sdk/backend";
import type { AgentUnderTest } from "../matrix/agent-under-test.ts";

export const gemini: AgentUnderTest = {
  backend: geminiBackend as unknown as BackendDefinition,
  module: import.meta.filename,
  exportName: "gemini",
  impatient: { silenceTimeoutSeconds: 1 },
  usage: "exact",
  survivesKill: { not: "Gemini CLI loads no session of its ACP mode; a new one begins, with what the earlier turns were about." },
  hidesToken: true,
  tellsOutput: { not: "Over ACP, Gemini CLI tells no output of a command, and it refuses commands with `$(`." },
  bounded: { maxSteps: 5 },
  tellsMcpInput: { not: "Gemini CLI tells only the name of a tool of an MCP server, not what it is called with" },
};
