import type { BackendDefinition } from "@slipway/backend-sdk/backend";
import { readPlugins } from "./plugins.ts";

type Loader = () => Promise<BackendDefinition>;

/** Backends of this installation; loaded when they are used, so that the runner starts fast and one broken backend does not break the others. */
const SHIPPED: Readonly<Record<string, Loader>> = {
  acp: async () => (await import("@slipway/backend-acp/profiles/acp")).acpBackend as unknown as BackendDefinition,
  codex: async () => (await import("@slipway/backend-codex/backend")).codexBackend as unknown as BackendDefinition,
  gemini: async () => (await import("@slipway/backend-acp/profiles/gemini")).geminiBackend as unknown as BackendDefinition,
  kimi: async () => (await import("@slipway/backend-acp/profiles/kimi")).kimiBackend as unknown as BackendDefinition,
  opencode: async () => (await import("@slipway/backend-acp/profiles/opencode")).opencodeBackend as unknown as BackendDefinition,
  qwen: async () => (await import("@slipway/backend-acp/profiles/qwen")).qwenBackend as unknown as BackendDefinition,
  script: async () => (await import("@slipway/backend-script/backend")).scriptBackend as unknown as BackendDefinition,
};

let known: ReadonlyMap<string, Loader> | undefined;

/** Shipped ones first, which no plugin can replace; then those in the folder that SLIPWAY_BACKENDS names. INVALID_CONFIG where that cannot be read. */
function loaders(): ReadonlyMap<string, Loader> {
  const folder = process.env["SLIPWAY_BACKENDS"];
  known ??= new Map([...(folder ? readPlugins(folder) : []), ...Object.entries(SHIPPED)]);
  return known;
}

/** The names of all backends. */
export function backendNames(): string[] {
  return [...loaders().keys()].sort();
}

/** The backend called `name`; undefined where there is none. */
export async function loadBackend(name: string): Promise<BackendDefinition | undefined> {
  return await loaders().get(name)?.();
}

/** Loads every backend ahead of its first turn, one after the other. One that cannot be loaded says so in its own turn. */
export async function preloadBackends(): Promise<BackendDefinition[]> {
  const loaded: BackendDefinition[] = [];
  for (const load of loaders().values()) {
    await load().then(
      (definition) => loaded.push(definition),
      () => undefined,
    );
  }
  return loaded;
}
