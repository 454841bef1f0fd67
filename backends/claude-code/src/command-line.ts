import type { ModelAccess } from "@slipway/backend-sdk/backend";
import { withDirectGateway } from "@slipway/backend-sdk/direct-environment";
import type { ClaudeConfig } from "./config.ts";

/** Times that Claude Code tries a request again: the job's own retries come on top. */
const RETRIES = 2;

/** Tools that wait for another time, leave the workspace, or ask the world outside. */
const TOOLS_OFF = ["CronCreate", "CronDelete", "CronList", "EnterWorktree", "ExitWorktree", "Monitor", "ScheduleWakeup", "WebFetch", "Workflow"];

/** Tools that do nothing but change files. */
const EDITORS = ["Edit", "MultiEdit", "NotebookEdit", "Write"];

/** What looks outside, keeps something for another job, or starts what nobody asked for. */
const ENVIRONMENT = {
  // Root may run without questions only inside of a sandbox.
  IS_SANDBOX: "1",
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
  DISABLE_AUTOUPDATER: "1",
  CLAUDE_CODE_DISABLE_AUTO_MEMORY: "1",
  CLAUDE_CODE_DISABLE_CRON: "1",
  // What ends later would have the model go on after its turn.
  CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: "1",
  CLAUDE_CODE_DISABLE_FILE_CHECKPOINTING: "1",
  CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL: "1",
  CLAUDE_CODE_IDE_SKIP_AUTO_INSTALL: "1",
  // The plan of the agent is this tool's.
  CLAUDE_CODE_ENABLE_TASKS: "0",
  CLAUDE_CODE_ENABLE_TODO_TOOLS: "1",
  // All tools are there from the start: there are no servers that would bring hundreds, and not every model server knows the search for tools.
  ENABLE_TOOL_SEARCH: "false",
  // CLAUDE.md and rules of the folders that `--add-dir` names, and nothing else of them.
  CLAUDE_CODE_ADDITIONAL_DIRECTORIES_CLAUDE_MD: "1",
  CLAUDE_CODE_MAX_RETRIES: String(RETRIES),
} as const;

/** The descriptor from which Claude Code reads the token. */
export const TOKEN_DESCRIPTOR = 3;

/**
 * The arguments of a process, which takes its turns on standard input. No file of settings is read, neither of the home nor of the workspace, in which an
 * agent may have written hooks, servers, skills or a command for its key; only CLAUDE.md of the workspace is, by `--add-dir`.
 */
export function claudeArguments(
  config: ClaudeConfig,
  workspace: string,
  instructions: string | undefined,
  sessionId: string | undefined,
  readOnly?: { readonly servers: readonly string[] },
): string[] {
  const off = [...TOOLS_OFF, ...(config.webSearch ? [] : ["WebSearch"]), ...(readOnly ? EDITORS : [])];
  return [
    "-p",
    ...["--input-format", "stream-json", "--output-format", "stream-json", "--verbose", "--include-partial-messages"],
    // Tells when a message that came in the middle of a turn has been heard.
    "--replay-user-messages",
    // Without leave Claude Code runs commands that only read. Nobody is there to be asked for more, and so it is refused.
    ...["--permission-mode", readOnly ? "default" : "bypassPermissions"],
    ...(readOnly && readOnly.servers.length > 0 ? ["--allowedTools", readOnly.servers.map((name) => `mcp__${name}`).join(",")] : []),
    ...["--setting-sources", "", "--strict-mcp-config", "--add-dir", workspace],
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
