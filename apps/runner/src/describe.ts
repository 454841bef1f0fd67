import { toManifest } from "@slipway/backend-sdk/manifest";
import type { Manifest } from "@slipway/protocol/manifest";
import { backendNames, loadBackend } from "./registry.ts";

/** The manifests of all backends. One that cannot be loaded is left out, with a word on standard error: the others are not to suffer for it. */
export async function describe(): Promise<Manifest[]> {
  const manifests: Manifest[] = [];
  for (const name of backendNames()) {
    try {
      const definition = await loadBackend(name);
      if (definition) manifests.push(toManifest(definition));
    } catch (error) {
      process.stderr.write(`the backend ${name} cannot be loaded: ${error instanceof Error ? error.message : String(error)}\n`);
    }
  }
  return manifests;
}
