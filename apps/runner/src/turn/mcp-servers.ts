import type { McpServer } from "@slipway/backend-sdk/backend";
import { SlipwayError } from "@slipway/protocol/errors";
import type { McpServers } from "@slipway/protocol/turn-settings";

/** The job's MCP servers with the values of their secrets in place. SECRET_MISSING for one that was not given. */
export function mcpServersOf(specs: McpServers, secrets: Readonly<Record<string, string>>): McpServer[] {
  const filled = (server: string, named: Readonly<Record<string, string>>): Record<string, string> =>
    Object.fromEntries(
      Object.entries(named).map(([key, secret]) => {
        const value = secrets[secret];
        if (value === undefined) throw new SlipwayError("SECRET_MISSING", `The MCP server ${server} needs the secret ${secret}.`, { secret, server });
        return [key, value];
      }),
    );
  return Object.entries(specs).map(([name, spec]) =>
    "url" in spec
      ? { name, kind: "http", url: spec.url, headers: { ...spec.headers, ...filled(name, spec.secretHeaders) } }
      : { name, kind: "stdio", command: spec.command, args: spec.args, env: { ...spec.env, ...filled(name, spec.secrets) } },
  );
}
