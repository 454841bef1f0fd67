import { toManifest } from "@slipway/backend-sdk/manifest";
import type { Manifest } from "@slipway/protocol/manifest";
import { loadBackend, REGISTRY } from "./registry.ts";

/** The manifests of all backends. */
export async function describe(): Promise<Manifest[]> {
  const definitions = await Promise.all(Object.keys(REGISTRY).map(loadBackend));
  return definitions.filter((definition) => definition !== undefined).map(toManifest);
}
