import { join } from "node:path";
import { withDirectGateway } from "@slipway/backend-sdk/direct-environment";
import { CODEX_FEATURES_OFF, CODEX_RETRIES } from "@slipway/backend-sdk/vendors/codex";
import { z } from "zod";
import { writeAgentFile } from "../agent-files.ts";
import { defineProfile } from "../define-profile.ts";
import { without } from "../environment.ts";
import type { Profile } from "../profile.ts";
import { findAgent, requireAgent } from "../program.ts";
import { CODEX_ACP } from "../releases.ts";
import { SESSION_TITLE } from "../session-title.ts";
import { profileSettings } from "../settings.ts";

const COMMAND = "codex-acp";
/** Holds what the agent shows in place of a vendor's key. */
const KEY_VARIABLE = "MODEL_KEY";
const HOME = ".codex-acp";

const configSchema = z.strictObject(profileSettings({ model: "gpt-6.1-sol", provider: "openai", protocol: "OpenAI Responses", command: COMMAND }));
type Config = z.output<typeof configSchema>;

/** Codex's own sandbox is what it has between all and nothing: where it may not do all, it asks. */
const MODES = { allow: "agent-full-access", edits: "workspace-write", deny: "read-only" } as const;

const profile: Profile<typeof configSchema> = {
  name: "codex-acp",
  adapterOf: "codex",
  version: "1.0.0",
  title: "Codex over ACP",
  summary: "Runs OpenAI's Codex by its ACP adapter, in place of the backend codex; its model calls go through the gateway.",
  config: configSchema,
  capabilities: { resume: true, usage: true, plan: true, model: true, permissions: true, images: true },
  async launch({ config, home, workspace, env, modelUrl, key }) {
    const { program, args } = await requireAgent(await findAgent(config.command, env["PATH"]), config.command, COMMAND, CODEX_ACP);
    await writeAgentFile(home, join(HOME, "config.toml"), settings(config, workspace, `${modelUrl}/${config.provider}/v1`));
    const mode = MODES[config.permissions];
    return {
      program,
      args,
      env: {
        ...withDirectGateway(without(env, "CODEX_", "OPENAI_")),
        CODEX_HOME: join(home, HOME),
        MODEL_PROVIDER: "slipway",
        INITIAL_AGENT_MODE: mode,
        NO_BROWSER: "1",
        [KEY_VARIABLE]: key,
      },
      mode,
      sessionTitle: SESSION_TITLE,
    };
  },
};

/** With full access Codex would trust the workspace, and take its settings; so it is told not to. */
function settings({ model, silenceTimeoutSeconds }: Config, workspace: string, baseUrl: string): string {
  const entries: ReadonlyArray<readonly [string, unknown]> = [
    ["model", model],
    ["model_provider", "slipway"],
    ["check_for_update_on_startup", false],
    ["web_search", "disabled"],
    ["analytics.enabled", false],
    ["skills.bundled.enabled", false],
    ["tools.update_plan.enabled", true],
    ["shell_environment_policy.exclude", [KEY_VARIABLE]],
    ["model_providers.slipway.name", "slipway"],
    ["model_providers.slipway.base_url", baseUrl],
    ["model_providers.slipway.env_key", KEY_VARIABLE],
    ["model_providers.slipway.wire_api", "responses"],
    ["model_providers.slipway.request_max_retries", CODEX_RETRIES],
    ["model_providers.slipway.stream_max_retries", CODEX_RETRIES],
    ["model_providers.slipway.stream_idle_timeout_ms", silenceTimeoutSeconds * 1_000],
    [`projects.${tomlValue(workspace)}.trust_level`, "untrusted"],
    ...CODEX_FEATURES_OFF.map((name) => [`features.${name}`, false] as const),
  ];
  return entries.map(([name, value]) => `${name} = ${tomlValue(value)}\n`).join("");
}

/** JSON's texts, numbers, booleans and lists of them are TOML too, which wants one more character escaped. */
function tomlValue(value: unknown): string {
  return JSON.stringify(value).replaceAll("\u007f", "\\u007f");
}

/** OpenAI's Codex by its ACP adapter. */
export const { backend: codexAcpBackend, residents: codexAcpAgents } = defineProfile(profile, {
  title: profile.title,
  command: COMMAND,
  release: CODEX_ACP,
  find: (path) => findAgent(COMMAND, path),
});
