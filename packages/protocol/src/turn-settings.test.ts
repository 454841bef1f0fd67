import { expect, test } from "vitest";
import { mcpServersSchema, secretsOfServers } from "./turn-settings.ts";

test("servers of both kinds are filled up, and their secrets are named once", () => {
  const servers = mcpServersSchema.parse({
    tracker: { command: "tracker-mcp", secrets: { TOKEN: "MCP_TRACKER", SAME: "MCP_TRACKER" } },
    docs: { url: "https://mcp.example.org/", secretHeaders: { authorization: "MCP_DOCS" } },
  });
  expect(servers["tracker"]).toEqual({ command: "tracker-mcp", args: [], env: {}, secrets: { TOKEN: "MCP_TRACKER", SAME: "MCP_TRACKER" } });
  expect(secretsOfServers(servers)).toEqual(["MCP_TRACKER", "MCP_DOCS"]);
});

test.each([
  ["a secret that is not meant for it", { a: { command: "x", secrets: { KEY: "OPENAI_API_KEY" } } }],
  ["neither a program nor an address", { a: {} }],
  ["both", { a: { command: "x", url: "https://example.org" } }],
  ["an address of another kind", { a: { url: "file:///etc/passwd" } }],
  ["a name that could be an option", { "--a": { command: "x" } }],
  ["a header of two lines", { a: { url: "https://example.org", headers: { x: "a\r\nb: c" } } }],
  ["too many", Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`s${index}`, { command: "x" }]))],
])("%s is refused", (_, servers) => {
  expect(mcpServersSchema.safeParse(servers).success).toBe(false);
});
