import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { withDirectGateway } from "@slipway/backend-sdk/direct-environment";
import { CLAUDE_ENVIRONMENT, CLAUDE_TOOLS_OFF } from "@slipway/backend-sdk/vendors/claude-code";
import { workspaceInstructions } from "@slipway/backend-sdk/workspace-instructions";
import { z } from "zod";
import { defineProfile } from "../define-profile.ts";
import { without } from "../environment.ts";
import type { Profile } from "../profile.ts";
import { findAgent, requireAgent } from "../program.ts";
import { CLAUDE_ACP } from "../releases.ts";
import { SESSION_TITLE } from "../session-title.ts";
import { profileSettings } from "../settings.ts";

const COMMAND = "claude-agent-acp";
/** The vendor's own search asks the world outside too, and there is no setting for it here. */
const TOOLS_OFF = [...CLAUDE_TOOLS_OFF, "WebSearch"];
const ENVIRONMENT = { ...CLAUDE_ENVIRONMENT, NO_BROWSER: "1" } as const;

const configSchema = z.strictObject(profileSettings({ model: "claude-opus-5-5", provider: "anthropic", protocol: "Anthropic's Messages", command: COMMAND }));

const MODES = { allow: "bypassPermissions", edits: "acceptEdits", deny: "default" } as const;

const profile: Profile<typeof configSchema> = {
  name: "claude-acp",
  adapterOf: "claude-code",
  version: "1.0.0",
  title: "Claude Code over ACP",
  summary: "Runs Anthropic's Claude Code by its ACP adapter, in place of the backend claude-code; its model calls go through the gateway.",
  config: configSchema,
  capabilities: { resume: true, usage: true, plan: true, model: true, permissions: true, images: true },
  async launch({ config, home, workspace, env, modelUrl, key }) {
    const { program, args } = await requireAgent(await findAgent(config.command, env["PATH"]), config.command, COMMAND, CLAUDE_ACP);
    return {
      program,
      args,
      env: {
        ...withDirectGateway(without(env, "CLAUDE", "ANTHROPIC")),
        ...ENVIRONMENT,
        CLAUDE_CONFIG_DIR: join(home, ".claude-acp"),
        ANTHROPIC_BASE_URL: `${modelUrl}/${config.provider}`,
        ANTHROPIC_API_KEY: key,
        ANTHROPIC_MODEL: config.model,
        API_TIMEOUT_MS: String(config.silenceTimeoutSeconds * 1_000),
      },
      mode: MODES[config.permissions],
      sessionMeta: await sessionMeta(config.model, workspace),
    };
  },
};

/** No file of settings is read, neither of the home nor of the workspace, which could name hooks or another model server; CLAUDE.md and AGENTS.md are. */
async function sessionMeta(model: string, workspace: string): Promise<Record<string, unknown>> {
  const options = { model, settingSources: [], additionalDirectories: [workspace], disallowedTools: TOOLS_OFF, promptSuggestions: false, title: SESSION_TITLE };
  const { files } = await workspaceInstructions(workspace);
  const has = (name: string): boolean => files.some(({ path }) => path === name);
  if (!has("AGENTS.md") || has("CLAUDE.md")) return { claudeCode: { options } };
  const agents = await readFile(join(workspace, "AGENTS.md"), "utf8");
  return { claudeCode: { options }, systemPrompt: { append: `Instructions of this repository for agents, from its AGENTS.md:\n\n${agents}` } };
}

/** Anthropic's Claude Code by its ACP adapter. */
export const { backend: claudeAcpBackend, residents: claudeAcpAgents } = defineProfile(profile, {
  title: profile.title,
  command: COMMAND,
  release: CLAUDE_ACP,
  find: (path) => findAgent(COMMAND, path),
});
