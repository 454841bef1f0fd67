import { expect, test } from "vitest";
import { codexConfigSchema } from "./config.ts";
import { threadParameters, turnPermissions } from "./thread-settings.ts";

const model = { baseUrl: "http://127.0.0.1:40123", token: "the-token" };
const input = { workspace: "/workspace", model, mcpServers: [], variables: { SLIPWAY_JOB: "job-1" } };

test("a thread has the job's model, folder, variables and servers", () => {
  const docs = { name: "docs", kind: "http" as const, url: "https://mcp.example.org/", headers: { authorization: "secret" } };
  const tides = { name: "tides", kind: "stdio" as const, command: "tides", args: ["--all", "a b"], env: { KEY: "a 'quoted' secret" } };
  const config = codexConfigSchema.parse({ model: 'a "quoted" model', reasoningEffort: "high", provider: "other" });
  expect(threadParameters({ ...input, config, mcpServers: [docs, tides] })).toMatchObject({
    ...{ cwd: "/workspace", model: 'a "quoted" model', approvalPolicy: "never", sandbox: "read-only" },
    config: {
      "model_providers.slipway": { base_url: "http://127.0.0.1:40123/other/v1", experimental_bearer_token: "the-token" },
      model_reasoning_effort: "high",
      "shell_environment_policy.set": { SLIPWAY_JOB: "job-1" },
      mcp_servers: {
        docs: { url: "https://mcp.example.org/", http_headers: { authorization: "secret" }, required: true },
        tides: { command: "tides", args: ["--all", "a b"], env: { KEY: "a 'quoted' secret" }, required: true },
      },
    },
  });
});

test("what a turn may do is said with the turn: Codex asks where somebody's policy answers", () => {
  expect(turnPermissions("off", "allow")).toEqual({ approvalPolicy: "never", sandboxPolicy: { type: "dangerFullAccess" } });
  expect(turnPermissions("read-only", "edits")).toEqual({ approvalPolicy: "untrusted", sandboxPolicy: { type: "readOnly", networkAccess: false } });
  expect(turnPermissions("workspace-write", "deny")).toMatchObject({ sandboxPolicy: { type: "workspaceWrite", networkAccess: false } });
});
