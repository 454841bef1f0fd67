import { claudeAcp } from "../acp/claude-acp-agent.ts";
import { codexAcp } from "../acp/codex-acp-agent.ts";
import { gemini } from "../acp/gemini-agent.ts";
import { kimi } from "../acp/kimi-agent.ts";
import { mistralVibe } from "../acp/mistral-vibe-agent.ts";
import { opencode } from "../acp/opencode-agent.ts";
import { qwen } from "../acp/qwen-agent.ts";
import { claudeCode } from "../claude-code/agent.ts";
import { codex } from "../codex/agent.ts";
import { miniswe } from "../miniswe/agent.ts";
import { openhands } from "../openhands/agent.ts";
import type { AgentUnderTest } from "./agent-under-test.ts";

/** Every agent that has a backend here, as the matrix plays it. */
export const AGENTS_UNDER_TEST: readonly AgentUnderTest[] = [
  claudeAcp,
  claudeCode,
  codex,
  codexAcp,
  gemini,
  kimi,
  miniswe,
  mistralVibe,
  opencode,
  openhands,
  qwen,
];
