import type { BackendDefinition } from "@slipway/backend-sdk/backend";
import type { BrokenBackend } from "@slipway/protocol/manifest";
import { BrokenPlugin } from "./broken-plugin.ts";
import { type Plugins, readPlugins } from "./plugins.ts";

type Loader = () => Promise<BackendDefinition>;

/** Backends of this installation; loaded when they are used, so that the runner starts fast and one broken backend does not break the others. */
const SHIPPED: Readonly<Record<string, Loader>> = {
  acp: async () => (await import("@slipway/backend-acp/profiles/acp")).acpBackend as unknown as BackendDefinition,
  "claude-acp": async () => (await import("@slipway/backend-acp/profiles/claude-acp")).claudeAcpBackend as unknown as BackendDefinition,
  "claude-code": async () => (await import("@slipway/backend-claude-code/backend")).claudeCodeBackend as unknown as BackendDefinition,
  codex: async () => (await import("@slipway/backend-codex/backend")).codexBackend as unknown as BackendDefinition,
  "codex-acp": async () => (await import("@slipway/backend-acp/profiles/codex-acp")).codexAcpBackend as unknown as BackendDefinition,
  command: async () => (await import("@slipway/backend-command/backend")).commandBackend as unknown as BackendDefinition,
  gemini: async () => (await import("@slipway/backend-acp/profiles/gemini")).geminiBackend as unknown as BackendDefinition,
  kimi: async () => (await import("@slipway/backend-acp/profiles/kimi")).kimiBackend as unknown as BackendDefinition,
  miniswe: async () => (await import("@slipway/backend-miniswe/backend")).minisweBackend as unknown as BackendDefinition,
  "mistral-vibe": async () => (await import("@slipway/backend-acp/profiles/mistral-vibe")).mistralVibeBackend as unknown as BackendDefinition,
  opencode: async () => (await import("@slipway/backend-acp/profiles/opencode")).opencodeBackend as unknown as BackendDefinition,
  openhands: async () => (await import("@slipway/backend-openhands/backend")).openhandsBackend as unknown as BackendDefinition,
  qwen: async () => (await import("@slipway/backend-acp/profiles/qwen")).qwenBackend as unknown as BackendDefinition,
  script: async () => (await import("@slipway/backend-script/backend")).scriptBackend as unknown as BackendDefinition,
};

let plugins: Plugins | undefined;

/** Those in the folder that SLIPWAY_BACKENDS names. INVALID_CONFIG where that cannot be read. */
function pluginsHere(): Plugins {
  const folder = process.env["SLIPWAY_BACKENDS"];
  plugins ??= folder ? readPlugins(folder, new Set(Object.keys(SHIPPED))) : { loaders: new Map(), broken: [] };
  return plugins;
}

/** Shipped ones first, which no plugin can replace. */
function loaders(): ReadonlyMap<string, Loader> {
  return new Map([...pluginsHere().loaders, ...Object.entries(SHIPPED)]);
}

/** The names of all backends. */
export function backendNames(): string[] {
  return [...loaders().keys()].sort();
}

/** What is known to be broken before anything is loaded. */
export function brokenBackends(): readonly BrokenBackend[] {
  return pluginsHere().broken;
}

/** The backend called `name`; undefined where there is none. BACKEND_BROKEN where it cannot be loaded. */
export async function loadBackend(name: string): Promise<BackendDefinition | undefined> {
  const loader = loaders().get(name);
  if (loader) return await loader();
  const broken = brokenBackends().find((one) => one.name === name);
  if (broken) throw new BrokenPlugin(broken);
  return undefined;
}

/** Loads a backend ahead of its first turn; all, one after the other, where none is named. One that cannot be loaded says so in its own turn. */
export async function preloadBackends(only?: string): Promise<BackendDefinition[]> {
  const loaded: BackendDefinition[] = [];
  for (const [name, load] of loaders()) {
    if (only !== undefined && name !== only) continue;
    await load().then(
      (definition) => loaded.push(definition),
      () => undefined,
    );
  }
  return loaded;
}
