import { toManifest } from "@slipway/backend-sdk/manifest";
import type { BackendList, BrokenBackend } from "@slipway/protocol/manifest";
import { BrokenPlugin } from "./broken-plugin.ts";
import { backendNames, brokenBackends, loadBackend } from "./registry.ts";

/** The manifests of all backends that can be loaded, and of the others why not: none is to suffer for another. A word on standard error tells of them too. */
export async function listBackends(): Promise<BackendList> {
  const list: BackendList = { manifests: [], broken: [...brokenBackends()] };
  for (const name of backendNames()) {
    try {
      const definition = await loadBackend(name);
      if (definition) list.manifests.push(toManifest(definition));
    } catch (error) {
      list.broken.push(error instanceof BrokenPlugin ? error.broken : brokenHere(name, error));
    }
  }
  for (const { name, package: packageName, file, problem } of list.broken) {
    process.stderr.write(`the backend ${name} (package ${packageName}) cannot be loaded: ${file}: ${problem}\n`);
  }
  return list;
}

/** One that Slipway brings itself. */
function brokenHere(name: string, error: unknown): BrokenBackend {
  const problem = (error instanceof Error ? error.message : String(error)).slice(0, 2_000);
  const expected = "Slipway's own packages, whole";
  return { name, package: "slipway", file: import.meta.filename, problem, expected, remedy: "Run `npm ci` in Slipway's checkout." };
}
