import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { codexArguments } from "./command-line.ts";
import { codexConfigSchema } from "./config.ts";
import { mcpSettings } from "./mcp-settings.ts";

const local = (name: string, env: Record<string, string>) => ({ name, kind: "stdio" as const, command: "tracker", args: ["--all", "a b"], env });

test("values of variables and headers are in no argument; two servers may know different ones by one name", () => {
  const docs = { name: "docs", kind: "http" as const, url: "https://mcp.example.org/", headers: { authorization: "the-docs-secret", "x-odd!'": "another" } };
  const mcp = mcpSettings([local("one", { TOKEN: "first-secret" }), local("two", { TOKEN: "second-secret" }), docs, local("plain", {})]);
  expect(mcp.variables).toEqual({
    JOB_MCP_VALUE_0: "first-secret",
    JOB_MCP_VALUE_1: "second-secret",
    JOB_MCP_VALUE_2: "the-docs-secret",
    JOB_MCP_VALUE_3: "another",
  });
  const args = codexArguments(codexConfigSchema.parse({}), { baseUrl: "http://127.0.0.1:9" }, undefined, mcp);
  for (const value of Object.values(mcp.variables)) expect(args.join("\n")).not.toContain(value);
  expect(args).toEqual(
    expect.arrayContaining([
      'mcp_servers.two.env_vars=["JOB_MCP_VALUE_1"]',
      'mcp_servers.docs.env_http_headers={"authorization"="JOB_MCP_VALUE_2","x-odd!\'"="JOB_MCP_VALUE_3"}',
      'mcp_servers.plain.command="tracker"',
      "mcp_servers.plain.required=true",
    ]),
  );
  const excluded = args.find((arg) => arg.startsWith("shell_environment_policy.exclude")) ?? "";
  for (const variable of Object.keys(mcp.variables)) expect(excluded).toContain(variable);
});

test("the server has its variables by their own names, and its arguments as they are", () => {
  const { settings, variables } = mcpSettings([
    { ...local("one", { TOKEN: "a 'quoted' \"$secret\"" }), command: "sh", args: ["-c", 'env; echo "[$1]"', "x", "a b"] },
  ]);
  const said = execFileSync(String(settings["mcp_servers.one.command"]), settings["mcp_servers.one.args"] as string[], { env: variables, encoding: "utf8" });
  expect(said).toContain("TOKEN=a 'quoted' \"$secret\"\n");
  expect(said).toContain("[a b]");
  expect(said).not.toContain("JOB_MCP_VALUE");
});
