import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { findOpencode } from "@slipway/backend-acp/profiles/opencode";
import { findClaude } from "@slipway/backend-claude-code/executable";
import { findPython } from "@slipway/backend-sdk/python/find-python";

/** Where a bare agent works, and the model that it is to call. */
export interface BarePlace {
  readonly home: string;
  readonly workspace: string;
  /** Of the model server, without a path. */
  readonly modelUrl: string;
  readonly key: string;
}

/** How a person would start an agent for one task, without Slipway and without questions. */
export interface BareAgent {
  /** Missing where what is installed here has no program for it; then it is started as an editor does. */
  argv?(place: BarePlace): readonly string[];
  /** How an editor would start it, to speak ACP with it over its standard input and output; where it is missing the agent's backend speaks with it otherwise. */
  readonly acpArgv?: readonly string[];
  /** The program itself, where the package's own command only works once its scripts have run. */
  program?(): Promise<string | undefined>;
  env?(place: BarePlace): Readonly<Record<string, string>>;
  /** What it must find in its home, by path. */
  files?(place: BarePlace): Readonly<Record<string, string>>;
}

/** What each is asked. */
export const TASK = "Fix it.";
const MODEL = "scripted";

const CODEX: BareAgent = {
  argv: () => ["codex", "exec", "--json", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", TASK],
  env: ({ home, key }) => ({ CODEX_HOME: join(home, ".codex"), BENCH_KEY: key, MODEL_PROVIDER: "bench" }),
  files: ({ modelUrl }) => ({
    ".codex/config.toml": [
      `model = "${MODEL}"\nmodel_provider = "bench"\n\n[model_providers.bench]\nname = "bench"`,
      `base_url = "${modelUrl}/v1"\nenv_key = "BENCH_KEY"\nwire_api = "responses"\n`,
    ].join("\n"),
  }),
};

const CLAUDE: BareAgent = {
  program: () => findClaude("claude", process.env["PATH"]),
  argv: () => ["claude", "-p", "--output-format", "stream-json", "--verbose", "--permission-mode", "bypassPermissions", TASK],
  env: ({ modelUrl, key }) => ({ ANTHROPIC_BASE_URL: modelUrl, ANTHROPIC_API_KEY: key, IS_SANDBOX: "1", CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1" }),
};

/** By the names of their backends. Whatever looks outside is off, as nothing answers there: that would be the network's time, not the agent's. */
export const BARE_AGENTS: Readonly<Record<string, BareAgent>> = {
  codex: CODEX,
  // Their adapters start the same agents.
  "codex-acp": { ...CODEX, acpArgv: ["codex-acp"] },
  "claude-code": CLAUDE,
  "claude-acp": { ...CLAUDE, acpArgv: ["claude-agent-acp"] },
  gemini: {
    argv: () => ["gemini", "-p", TASK, "-o", "stream-json", "--approval-mode", "yolo", "--skip-trust", "-m", "gemini-2.5-pro"],
    acpArgv: ["gemini", "--acp", "--skip-trust", "-m", "gemini-2.5-pro"],
    env: ({ modelUrl, key }) => ({ GEMINI_API_KEY: key, GOOGLE_GEMINI_BASE_URL: modelUrl }),
    files: () => ({
      ".gemini/settings.json": JSON.stringify({ security: { auth: { selectedType: "gemini-api-key" } }, privacy: { usageStatisticsEnabled: false } }),
    }),
  },
  qwen: {
    argv: () => ["qwen", "-o", "stream-json", "--approval-mode", "yolo", "--auth-type", "openai", TASK],
    acpArgv: ["qwen", "--acp", "--auth-type", "openai"],
    env: ({ modelUrl, key }) => ({ OPENAI_API_KEY: key, OPENAI_BASE_URL: `${modelUrl}/v1`, OPENAI_MODEL: MODEL }),
    files: () => ({ ".qwen/settings.json": JSON.stringify({ privacy: { usageStatisticsEnabled: false } }) }),
  },
  opencode: {
    program: async () => (await findOpencode("opencode", process.env["PATH"]))?.program,
    // With a title no call of the model is made for one.
    argv: () => ["opencode", "run", "--format", "json", "--title", "bench", TASK],
    acpArgv: ["opencode", "acp"],
    env: ({ modelUrl, key }) => ({
      BENCH_KEY: key,
      OPENCODE_DISABLE_AUTOUPDATE: "1",
      OPENCODE_DISABLE_MODELS_FETCH: "1",
      OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
      OPENCODE_CONFIG_CONTENT: JSON.stringify({
        ...{ autoupdate: false, share: "disabled", model: `bench/${MODEL}`, small_model: `bench/${MODEL}`, enabled_providers: ["bench"] },
        provider: {
          bench: {
            ...{ npm: "@ai-sdk/openai-compatible", name: "bench", options: { baseURL: `${modelUrl}/v1`, apiKey: "{env:BENCH_KEY}" } },
            models: { [MODEL]: { name: MODEL, limit: { context: 128_000, output: 8_192 } } },
          },
        },
        permission: { edit: "allow", bash: "allow", webfetch: "deny" },
      }),
    }),
  },
  kimi: {
    argv: () => ["kimi", "-p", TASK, "--output-format", "stream-json"],
    acpArgv: ["kimi", "acp"],
    env: ({ modelUrl, key }) => ({
      KIMI_MODEL_NAME: MODEL,
      KIMI_MODEL_PROVIDER_TYPE: "openai",
      KIMI_MODEL_BASE_URL: `${modelUrl}/v1`,
      KIMI_MODEL_API_KEY: key,
      KIMI_DISABLE_TELEMETRY: "1",
      KIMI_CODE_NO_AUTO_UPDATE: "1",
    }),
  },
  "mistral-vibe": {
    program: () => findPython(["mistral-vibe-python"], process.env["PATH"]),
    acpArgv: ["mistral-vibe-python", "-I", "-m", "vibe.acp.entrypoint"],
    env: ({ home, key }) => ({ VIBE_HOME: join(home, ".vibe"), BENCH_KEY: key }),
    files: ({ modelUrl }) => ({
      ".vibe/config.toml": `active_model = "bench"
enable_telemetry = false
enable_update_checks = false
enable_auto_update = false
enable_connectors = false
experimental_enable_model_catalog = false
experimental_enable_registry_skills = false

[experiments]
enable = false

[session_logging]
generate_titles = false

[[providers]]
name = "bench"
api_base = "${modelUrl}/v1"
api_key_env_var = "BENCH_KEY"
backend = "generic"

[[models]]
name = "${MODEL}"
provider = "bench"
alias = "bench"
`,
    }),
  },
  miniswe: {
    program: () => findPython(["miniswe-python"], process.env["PATH"]),
    // Its own program, as the package installs it beside its Python.
    argv: ({ modelUrl }) => [
      ...["miniswe-python", "-m", "minisweagent.run.mini", "-y", "--exit-immediately", "-t", TASK, "-m", `openai/${MODEL}`],
      ...["-c", "mini.yaml", "-c", `model.model_kwargs.api_base=${modelUrl}/v1`],
    ],
    env: ({ key }) => ({ OPENAI_API_KEY: key, MSWEA_CONFIGURED: "true", MSWEA_SILENT_STARTUP: "1", MSWEA_COST_TRACKING: "ignore_errors" }),
  },
  openhands: {
    program: () => findPython(["openhands-python"], process.env["PATH"]),
    // A library: the first program of its own documentation, https://docs.openhands.dev/sdk/getting-started.
    argv: ({ workspace, modelUrl, key }) => [
      ...["openhands-python", "-c"],
      [
        "from openhands.sdk import LLM, Agent, Conversation, Tool",
        "from openhands.tools.file_editor import FileEditorTool",
        "from openhands.tools.task_tracker import TaskTrackerTool",
        "from openhands.tools.terminal import TerminalTool",
        `llm = LLM(model="openai/${MODEL}", api_key=${JSON.stringify(key)}, base_url=${JSON.stringify(`${modelUrl}/v1`)})`,
        "agent = Agent(llm=llm, tools=[Tool(name=tool.name) for tool in (TerminalTool, FileEditorTool, TaskTrackerTool)])",
        `conversation = Conversation(agent=agent, workspace=${JSON.stringify(workspace)})`,
        `conversation.send_message(${JSON.stringify(TASK)})`,
        "conversation.run()",
      ].join("\n"),
    ],
    env: () => ({ LITELLM_LOCAL_MODEL_COST_MAP: "True" }),
  },
};

/** Writes what the agent must find in its home. */
export async function prepareHome(agent: BareAgent, place: BarePlace): Promise<void> {
  for (const [path, content] of Object.entries(agent.files?.(place) ?? {})) {
    await mkdir(dirname(join(place.home, path)), { recursive: true });
    await writeFile(join(place.home, path), content);
  }
}
