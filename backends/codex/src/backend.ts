import { defineBackend } from "@slipway/backend-sdk/define-backend";
import { codexConfigSchema } from "./config.ts";
import { probe, warmUp } from "./probe.ts";
import { CODEX_PACKAGE, CODEX_RELEASE } from "./release.ts";
import { runTurn } from "./run-turn.ts";
import { startAhead } from "./start-ahead.ts";

/** OpenAI's Codex CLI, over the model gateway. */
export const codexBackend = defineBackend({
  name: "codex",
  version: "2.0.0",
  summary: "Runs OpenAI's Codex CLI; its model calls go through the gateway.",
  capabilities: { resume: true, usage: true, plan: true, model: true, mcp: true, steer: true, readOnly: true, permissions: true, images: true },
  config: codexConfigSchema,
  secrets: [],
  image: { npm: [CODEX_PACKAGE], apt: [] },
  release: CODEX_RELEASE,
  programSetting: "command",
  probe,
  warmUp,
  startAhead,
  turn: runTurn,
});
