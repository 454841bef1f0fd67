import type { McpServer, ModelAccess } from "@slipway/backend-sdk/backend";
import { CODEX_RETRIES } from "@slipway/backend-sdk/vendors/codex";
import type { PermissionPolicy } from "@slipway/protocol/turn-settings";
import type { CodexConfig } from "./config.ts";
import { mcpSettings } from "./mcp-settings.ts";

/** What a thread is opened with. */
export interface ThreadInput {
  readonly config: CodexConfig;
  readonly workspace: string;
  readonly model: ModelAccess;
  readonly mcpServers: readonly McpServer[];
  /** Variables of the job, for the commands of the model. */
  readonly variables: Readonly<Record<string, string>>;
}

/** The parameters of `thread/start`, and of `thread/resume` but for the thread's id. */
export function threadParameters({ config, workspace, model, mcpServers, variables }: ThreadInput): object {
  const provider = {
    name: "slipway",
    base_url: `${model.baseUrl}/${config.provider}/v1`,
    experimental_bearer_token: model.token,
    wire_api: "responses",
    request_max_retries: CODEX_RETRIES,
    stream_max_retries: CODEX_RETRIES,
    stream_idle_timeout_ms: config.silenceTimeoutSeconds * 1_000,
  };
  return {
    cwd: workspace,
    model: config.model,
    approvalPolicy: "never",
    // Codex trusts a workspace that a thread may write to from its start, with all settings in it. What a turn may do comes with the turn.
    sandbox: "read-only",
    config: {
      model_provider: "slipway",
      "model_providers.slipway": provider,
      web_search: config.webSearch,
      ...(config.reasoningEffort === undefined ? {} : { model_reasoning_effort: config.reasoningEffort }),
      ...(Object.keys(variables).length === 0 ? {} : { "shell_environment_policy.set": variables }),
      ...(mcpServers.length === 0 ? {} : { mcp_servers: mcpSettings(mcpServers) }),
    },
  };
}

/** What a turn may do: Codex's own sandbox, and when it asks for leave. */
export function turnPermissions(ownSandbox: CodexConfig["ownSandbox"], policy: PermissionPolicy): { approvalPolicy: string; sandboxPolicy: object } {
  return { approvalPolicy: policy === "allow" ? "never" : "untrusted", sandboxPolicy: SANDBOXES[ownSandbox] };
}

const SANDBOXES: Readonly<Record<CodexConfig["ownSandbox"], object>> = {
  off: { type: "dangerFullAccess" },
  "read-only": { type: "readOnly", networkAccess: false },
  "workspace-write": { type: "workspaceWrite", writableRoots: [], networkAccess: false, excludeTmpdirEnvVar: false, excludeSlashTmp: false },
};
