import { constants, homedir, setPriority } from "node:os";
import type { ProbeResult } from "@slipway/protocol/manifest";
import { BrokenPlugin } from "./broken-plugin.ts";
import { backendNames, loadBackend } from "./registry.ts";

const LIMIT_MS = 20_000;
/** At the lowest priority of a busy machine a program may take long to start. */
const GENTLE_LIMIT_MS = 120_000;

/** Asks one backend, or all, whether everything that a turn needs is there. A backend that throws or hangs is not ok, and the answer says so. */
export async function probe(name: string | undefined): Promise<ProbeResult[]> {
  const names = name === undefined ? backendNames() : [name];
  return await Promise.all(names.map((one) => probeOne(one)));
}

/**
 * Asks these backends one after another, in the order of their names, and at the lowest priority, which what they start has too: nobody waits for it, and jobs
 * run beside it. One that does not answer in its time is left out, as that says nothing of it.
 */
export async function probeGently(names: readonly string[], answer: (result: ProbeResult) => void): Promise<void> {
  setPriority(constants.priority.PRIORITY_LOW);
  for (const name of names.toSorted()) {
    const signal = AbortSignal.timeout(GENTLE_LIMIT_MS);
    const result = await probeOne(name, signal, GENTLE_LIMIT_MS);
    if (!signal.aborted) answer(result);
  }
}

async function probeOne(name: string, signal = AbortSignal.timeout(LIMIT_MS), limitMs = LIMIT_MS): Promise<ProbeResult> {
  try {
    const definition = await loadBackend(name);
    if (!definition) return { backend: name, ok: false, tried: "the list of backends", found: "no such backend", remedy: "`runner describe` lists them." };
    const env = Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined));
    const late = new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(new Error(`no answer within ${limitMs} ms`))));
    return { backend: name, ...(await Promise.race([definition.probe({ home: homedir(), env, signal }), late])) };
  } catch (error) {
    if (error instanceof BrokenPlugin) {
      const { package: packageName, file, problem, remedy } = error.broken;
      return { backend: name, ok: false, tried: `to load ${file} of the package ${packageName}`, found: problem, remedy };
    }
    return { backend: name, ok: false, tried: "its probe", found: error instanceof Error ? error.message : String(error) };
  }
}
