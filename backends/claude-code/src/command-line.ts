import type { ModelAccess } from "@slipway/backend-sdk/backend";
import { withDirectGateway } from "@slipway/backend-sdk/direct-environment";
import { CLAUDE_ENVIRONMENT, CLAUDE_TOOLS_OFF } from "@slipway/backend-sdk/vendors/claude-code";
import type { ClaudeConfig } from "./config.ts";

/** Tools that do nothing but change files. */
const EDITORS = ["Edit", "MultiEdit", "NotebookEdit", "Write"];

/** Beside what is set however Claude Code is driven. */
const ENVIRONMENT = {
  ...CLAUDE_ENVIRONMENT,
  CLAUDE_CODE_DISABLE_FILE_CHECKPOINTING: "1",
  // The plan of the agent is this tool's.
  CLAUDE_CODE_ENABLE_TASKS: "0",
  CLAUDE_CODE_ENABLE_TODO_TOOLS: "1",
} as const;

/** The descriptor from which Claude Code reads the token. */
export const TOKEN_DESCRIPTOR = 3;

/**
 * The arguments of a process, which takes its turns on standard input. No file of settings is read, neither of the home nor of the workspace, in which an
 * agent may have written hooks, servers, skills or a command for its key; only CLAUDE.md of the workspace is, by `--add-dir`. Without a workspace the process
 * waits in its own folder until it is claimed for one.
 */
export function claudeArguments(
  config: ClaudeConfig,
  workspace: string | undefined,
  instructions: string | undefined,
  sessionId: string | undefined,
  readOnly?: { readonly servers: readonly string[] },
): string[] {
  const off = [...CLAUDE_TOOLS_OFF, ...(config.webSearch ? [] : ["WebSearch"]), ...(readOnly ? EDITORS : [])];
  return [
    "-p",
    ...["--input-format", "stream-json", "--output-format", "stream-json", "--verbose", "--include-partial-messages"],
    // Tells when a message that came in the middle of a turn has been heard.
    "--replay-user-messages",
    // Without leave Claude Code runs commands that only read. Nobody is there to be asked for more, and so it is refused.
    ...["--permission-mode", readOnly ? "default" : "bypassPermissions"],
    ...(readOnly && readOnly.servers.length > 0 ? ["--allowedTools", readOnly.servers.map((name) => `mcp__${name}`).join(",")] : []),
    ...["--setting-sources", "", "--strict-mcp-config"],
    ...(workspace === undefined ? ["--await-claim"] : ["--add-dir", workspace]),
    ...["--model", config.model, "--max-turns", String(config.maxTurns)],
    ...["--disallowedTools", off.join(",")],
    ...(config.effort === undefined ? [] : ["--effort", config.effort]),
    ...(instructions === undefined ? [] : ["--append-system-prompt", instructions]),
    ...(sessionId === undefined ? [] : ["--resume", sessionId]),
  ];
}

/** Claude Code's environment: the job's, without what would steer it, and with what it needs. The token is not in it. */
export function claudeEnvironment(
  env: Readonly<Record<string, string>>,
  own: { readonly config: ClaudeConfig; readonly configFolder: string; readonly model: Pick<ModelAccess, "baseUrl"> },
): Record<string, string> {
  const kept = Object.fromEntries(Object.entries(env).filter(([name]) => !/^(CLAUDE|ANTHROPIC)/.test(name)));
  return {
    ...withDirectGateway(kept),
    ...ENVIRONMENT,
    CLAUDE_CONFIG_DIR: own.configFolder,
    ANTHROPIC_BASE_URL: `${own.model.baseUrl}/${own.config.provider}`,
    API_TIMEOUT_MS: String(own.config.silenceTimeoutSeconds * 1_000),
    CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR: String(TOKEN_DESCRIPTOR),
  };
}
