import type { BackendDefinition } from "@slipway/backend-sdk/backend";

/** Every backend by name; loaded when it is used, so that the runner starts fast and one broken backend does not break the others. */
export const REGISTRY: Readonly<Record<string, () => Promise<BackendDefinition>>> = {
  script: async () => (await import("@slipway/backend-script/backend")).scriptBackend as unknown as BackendDefinition,
};

/** The backend called `name`; undefined where there is none. */
export async function loadBackend(name: string): Promise<BackendDefinition | undefined> {
  return Object.hasOwn(REGISTRY, name) ? await REGISTRY[name]?.() : undefined;
}

/** Loads every backend ahead of its first turn, one after the other. One that cannot be loaded says so in its own turn. */
export async function preloadBackends(): Promise<void> {
  for (const load of Object.values(REGISTRY)) await load().catch(() => {});
}
