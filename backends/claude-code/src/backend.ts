import { defineBackend } from "@slipway/backend-sdk/define-backend";
import { claudeConfigSchema } from "./config.ts";
import { probe, warmUp } from "./probe.ts";
import { CLAUDE_PACKAGE, CLAUDE_RELEASE } from "./release.ts";
import { runTurn } from "./run-turn.ts";
import { startAhead } from "./start-ahead.ts";

/** Anthropic's Claude Code, over the model gateway. */
export const claudeCodeBackend = defineBackend({
  name: "claude-code",
  version: "1.0.0",
  summary: "Runs Anthropic's Claude Code; its model calls go through the gateway.",
  capabilities: { resume: true, usage: true, plan: true, model: true, mcp: true, steer: true, readOnly: true, images: true },
  config: claudeConfigSchema,
  secrets: [],
  image: { npm: [CLAUDE_PACKAGE], apt: [] },
  release: CLAUDE_RELEASE,
  programSetting: "command",
  probe,
  warmUp,
  startAhead,
  turn: runTurn,
});
