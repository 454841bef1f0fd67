import { MISTRAL_VIBE_PACKAGES } from "@slipway/backend-acp/profiles/mistral-vibe";
import { CLAUDE_ACP, CODEX_ACP, GEMINI, KIMI, OPENCODE, QWEN, specOf } from "@slipway/backend-acp/releases";
import { CLAUDE_PACKAGE } from "@slipway/backend-claude-code/release";
import { CODEX_PACKAGE } from "@slipway/backend-codex/release";
import { MINISWE_PACKAGES } from "@slipway/backend-miniswe/release";
import { OPENHANDS_PACKAGES } from "@slipway/backend-openhands/release";
import type { PythonRelease } from "./python-agents.ts";

/** The agents that the suites here drive, each in the release that its backend is made for: name of the command, npm package. */
export const AGENTS: Readonly<Record<string, string>> = {
  claude: CLAUDE_PACKAGE,
  "claude-agent-acp": specOf(CLAUDE_ACP),
  codex: CODEX_PACKAGE,
  "codex-acp": specOf(CODEX_ACP),
  gemini: specOf(GEMINI),
  kimi: specOf(KIMI),
  opencode: specOf(OPENCODE),
  qwen: specOf(QWEN),
};

/** Those in Python, by their backends. */
export const PYTHON_AGENTS: Readonly<Record<string, PythonRelease>> = {
  openhands: { packages: OPENHANDS_PACKAGES, python: 12 },
  "mistral-vibe": { packages: MISTRAL_VIBE_PACKAGES, python: 12 },
  miniswe: { packages: MINISWE_PACKAGES, python: 10 },
};
