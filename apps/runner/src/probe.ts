import { homedir } from "node:os";
import type { ProbeResult } from "@slipway/protocol/manifest";
import { BrokenPlugin } from "./broken-plugin.ts";
import { backendNames, loadBackend } from "./registry.ts";

const LIMIT_MS = 20_000;

/** Asks one backend, or all, whether everything that a turn needs is there. A backend that throws or hangs is not ok, and the answer says so. */
export async function probe(name: string | undefined): Promise<ProbeResult[]> {
  const names = name === undefined ? backendNames() : [name];
  return await Promise.all(names.map(probeOne));
}

async function probeOne(name: string): Promise<ProbeResult> {
  try {
    const definition = await loadBackend(name);
    if (!definition) return { backend: name, ok: false, tried: "the list of backends", found: "no such backend", remedy: "`runner describe` lists them." };
    const env = Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined));
    const signal = AbortSignal.timeout(LIMIT_MS);
    const late = new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(new Error(`no answer within ${LIMIT_MS} ms`))));
    return { backend: name, ...(await Promise.race([definition.probe({ home: homedir(), env, signal }), late])) };
  } catch (error) {
    if (error instanceof BrokenPlugin) {
      const { package: packageName, file, problem, remedy } = error.broken;
      return { backend: name, ok: false, tried: `to load ${file} of the package ${packageName}`, found: problem, remedy };
    }
    return { backend: name, ok: false, tried: "its probe", found: error instanceof Error ? error.message : String(error) };
  }
}
