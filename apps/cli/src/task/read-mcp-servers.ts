import { readFile } from "node:fs/promises";
import { SlipwayError } from "@slipway/protocol/errors";
import type { McpServers } from "@slipway/protocol/turn-settings";

/** MCP servers by name, from a YAML or JSON file. INVALID_REQUEST where it cannot be read, INVALID_CONFIG with line and column where something in it is wrong. */
export async function readMcpServers(file: string): Promise<McpServers> {
  const [{ parseYamlConfig }, { mcpServersSchema }] = await Promise.all([
    import("@slipway/protocol/parse-yaml-config"),
    import("@slipway/protocol/turn-settings"),
  ]);
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    const hint = "Name a file with a mapping of names to servers.";
    throw new SlipwayError("INVALID_REQUEST", `The file ${file} of --mcp-servers cannot be read: ${(error as Error).message}`, { field: "mcpServers", hint });
  });
  return parseYamlConfig({ text, file, schema: mcpServersSchema, hint: () => "Mend it, then submit again: nothing was submitted." });
}
