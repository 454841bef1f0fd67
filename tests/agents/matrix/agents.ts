import { gemini } from "../acp/gemini-agent.ts";
import { kimi } from "../acp/kimi-agent.ts";
import { opencode } from "../acp/opencode-agent.ts";
import { qwen } from "../acp/qwen-agent.ts";
import { codex } from "../codex/agent.ts";
import type { AgentUnderTest } from "./agent-under-test.ts";

/** Every agent that has a backend here, as the matrix plays it. */
export const AGENTS_UNDER_TEST: readonly AgentUnderTest[] = [codex, gemini, kimi, opencode, qwen];
