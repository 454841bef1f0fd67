import type { McpServer } from "@slipway/backend-sdk/backend";

/** A server may have to be fetched by npx or uvx first; Codex itself waits 10 s. */
const START_LIMIT_SECONDS = 60;
/** Codex itself gives a call of a tool 60 s; the job has limits of its own. */
const CALL_LIMIT_SECONDS = 600;

/** Without `required` a server that does not start is missing in silence. */
const LIMITS = { required: true, startup_timeout_sec: START_LIMIT_SECONDS, tool_timeout_sec: CALL_LIMIT_SECONDS };

/** The job's MCP servers as settings of a thread. They go over Codex's standard input: no argument, no file and no environment but the server's own shows a value. */
export function mcpSettings(servers: readonly McpServer[]): Record<string, object> {
  return Object.fromEntries(servers.map((server) => [server.name, { ...toCodex(server), ...LIMITS }]));
}

function toCodex(server: McpServer): object {
  if (server.kind === "http") return { url: server.url, http_headers: server.headers };
  return { command: server.command, args: server.args, env: server.env };
}
