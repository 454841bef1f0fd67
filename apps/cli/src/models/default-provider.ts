import type { Manifest } from "@slipway/protocol/manifest";

/** The provider that a backend's jobs ask where they name no other; undefined where its settings do not say. */
export function defaultProvider({ configSchema }: Pick<Manifest, "configSchema">): string | undefined {
  const { provider } = (configSchema["properties"] ?? {}) as { provider?: { default?: unknown } };
  return typeof provider?.default === "string" ? provider.default : undefined;
}
