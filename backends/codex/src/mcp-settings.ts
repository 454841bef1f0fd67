import type { McpServer } from "@slipway/backend-sdk/backend";

/** A server may have to be fetched by npx or uvx first; Codex itself waits 10 s. */
const START_LIMIT_SECONDS = 60;
/** Codex itself gives a call of a tool 60 s; the job has limits of its own. */
const CALL_LIMIT_SECONDS = 600;

/** The job's MCP servers as Codex is told of them. */
export interface McpSettings {
  /** Settings by their dotted names. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Codex's environment has these; the commands of the model have not. */
  readonly variables: Readonly<Record<string, string>>;
}

/**
 * Settings are arguments, which everybody can read: what may be a secret comes through variables. Two servers may know different values by one name, so
 * that each value has a variable of its own, which a shell gives its right name.
 */
export function mcpSettings(servers: readonly McpServer[]): McpSettings {
  const settings: Record<string, unknown> = {};
  const variables: Record<string, string> = {};
  const hide = (value: string): string => {
    const name = `JOB_MCP_VALUE_${Object.keys(variables).length}`;
    variables[name] = value;
    return name;
  };
  for (const server of servers) {
    const own: Record<string, unknown> = { ...(server.kind === "http" ? remote(server, hide) : local(server, hide)), ...LIMITS };
    for (const [name, value] of Object.entries(own)) settings[`mcp_servers.${server.name}.${name}`] = value;
  }
  return { settings, variables };
}

/** Without `required` a server that does not start is missing in silence. */
const LIMITS = { required: true, startup_timeout_sec: START_LIMIT_SECONDS, tool_timeout_sec: CALL_LIMIT_SECONDS };

function local({ command, args, env }: Extract<McpServer, { kind: "stdio" }>, hide: (value: string) => string): Record<string, unknown> {
  const hidden = Object.entries(env).map(([name, value]) => ({ name, variable: hide(value) }));
  if (hidden.length === 0) return { command, args };
  const renamed = hidden.map(({ name, variable }) => `export ${name}="$${variable}"; unset ${variable}; `).join("");
  return { command: "/bin/sh", args: ["-c", `${renamed}exec "$0" "$@"`, command, ...args], env_vars: hidden.map(({ variable }) => variable) };
}

function remote({ url, headers }: Extract<McpServer, { kind: "http" }>, hide: (value: string) => string): Record<string, unknown> {
  return { url, env_http_headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, hide(value)])) };
}
