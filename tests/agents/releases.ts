import { GEMINI, KIMI, OPENCODE, QWEN, specOf } from "@slipway/backend-acp/releases";
import { CLAUDE_PACKAGE } from "@slipway/backend-claude-code/release";
import { CODEX_PACKAGE } from "@slipway/backend-codex/release";

/** The agents that the suites here drive, each in the release that its backend is made for: name of the command, npm package. */
export const AGENTS: Readonly<Record<string, string>> = {
  claude: CLAUDE_PACKAGE,
  codex: CODEX_PACKAGE,
  gemini: specOf(GEMINI),
  kimi: specOf(KIMI),
  opencode: specOf(OPENCODE),
  qwen: specOf(QWEN),
};
