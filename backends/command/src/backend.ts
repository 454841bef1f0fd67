import { defineBackend } from "@slipway/backend-sdk/define-backend";
import { commandConfigSchema } from "./config.ts";
import { runTurn } from "./run-turn.ts";

/** Any agent with a command line, by configuration alone. */
export const commandBackend = defineBackend({
  name: "command",
  version: "1.0.0",
  summary: "Runs any agent's command line, as a job's configuration describes it.",
  capabilities: { resume: true, usage: true, plan: false, model: true, modelOptional: true, images: true },
  config: commandConfigSchema,
  secrets: [],
  /** Which program a job names is not known here; a turn looks for it. */
  probe: async () => ({ ok: true, tried: "nothing", found: "runs the program that a job's configuration names" }),
  turn: runTurn,
});
