import type { ModelAccess } from "@slipway/backend-sdk/backend";
import { withDirectGateway } from "@slipway/backend-sdk/direct-environment";
import type { CodexConfig } from "./config.ts";
import type { McpSettings } from "./mcp-settings.ts";

/** Holds the attempt's token for Codex; kept from the commands that the model runs. */
export const TOKEN_VARIABLE = "SLIPWAY_MODEL_TOKEN";

/** Times that Codex tries a request again, and a stream that broke off: the job's own retries come on top. */
const RETRIES = 2;

const NO_SERVERS: McpSettings = { settings: {}, variables: {} };

/**
 * What looks outside, waits for a person, or waits without an end. Hooks, which the agent could plant for its next turn. And the snapshot of the shell, which
 * writes the job's environment to disk and leaves its processes behind when it is interrupted.
 */
const FEATURES_OFF = [
  "apps",
  "browser_use",
  "computer_use",
  "daemon_auto_start",
  "hooks",
  "image_generation",
  "in_app_browser",
  "plugins",
  "remote_plugin",
  "shell_snapshot",
  "skill_mcp_dependency_install",
  "tool_suggest",
  "unbounded_connection_retries",
];

/**
 * The arguments of one turn, whose prompt comes on standard input; `images` are files that go with it. All settings are here, and none is read from a file: `--ignore-user-config` and
 * `--ignore-rules` leave out what an agent may have written into CODEX_HOME, and Codex itself leaves out the settings of a workspace that nobody has trusted.
 */
export function codexArguments(
  config: CodexConfig,
  model: Pick<ModelAccess, "baseUrl">,
  threadId: string | undefined,
  mcp: McpSettings = NO_SERVERS,
  images: readonly string[] = [],
): string[] {
  const settings: Record<string, unknown> = {
    model: config.model,
    model_provider: "slipway",
    "model_providers.slipway.name": "slipway",
    "model_providers.slipway.base_url": `${model.baseUrl}/${config.provider}/v1`,
    "model_providers.slipway.env_key": TOKEN_VARIABLE,
    "model_providers.slipway.wire_api": "responses",
    "model_providers.slipway.request_max_retries": RETRIES,
    "model_providers.slipway.stream_max_retries": RETRIES,
    "model_providers.slipway.stream_idle_timeout_ms": config.silenceTimeoutSeconds * 1_000,
    "shell_environment_policy.exclude": [TOKEN_VARIABLE, ...Object.keys(mcp.variables)],
    "analytics.enabled": false,
    check_for_update_on_startup: false,
    "skills.bundled.enabled": false,
    "tools.update_plan.enabled": true,
    web_search: config.webSearch,
    ...Object.fromEntries(FEATURES_OFF.map((name) => [`features.${name}`, false])),
    ...(config.reasoningEffort === undefined ? {} : { model_reasoning_effort: config.reasoningEffort }),
    ...(config.ownSandbox === "off" ? {} : { sandbox_mode: config.ownSandbox, approval_policy: "never" }),
    ...mcp.settings,
  };
  return [
    "exec",
    "--json",
    "--ignore-user-config",
    "--ignore-rules",
    "--skip-git-repo-check",
    // What follows is an option again: Codex takes all up to there for images.
    ...images.flatMap((path) => ["--image", path]),
    ...(config.ownSandbox === "off" ? ["--dangerously-bypass-approvals-and-sandbox"] : []),
    ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${toToml(value)}`]),
    ...(threadId === undefined ? [] : ["resume", threadId]),
    "-",
  ];
}

/** JSON's texts, numbers, booleans and lists of them are TOML too; a table is an inline one. */
function toToml(value: unknown): string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([name, inner]) => `${JSON.stringify(name)}=${toToml(inner)}`)
    .join(",")}}`;
}

/** Codex's environment: the job's, without what would steer Codex, and with what it needs. */
export function codexEnvironment(
  env: Readonly<Record<string, string>>,
  own: { readonly codexHome: string; readonly temporary: string; readonly token: string; readonly variables?: Readonly<Record<string, string>> },
): Record<string, string> {
  const kept = Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("CODEX_")));
  return {
    ...withDirectGateway(kept),
    CODEX_HOME: own.codexHome,
    TMPDIR: own.temporary,
    ...own.variables,
    [TOKEN_VARIABLE]: own.token,
  };
}
