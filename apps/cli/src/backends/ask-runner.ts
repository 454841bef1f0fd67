import { fileURLToPath } from "node:url";
import { agentsFolder, pathWithAgents } from "@slipway/process/agents-folder";
import { type BackendList, backendListSchema, type Manifest, type ProbeResult, probeResultSchema } from "@slipway/protocol/manifest";
import { z } from "zod";
import { readInstallation } from "../configuration/installation.ts";
import { modelKeyNames } from "../models/gateway-config.ts";
import { cleanEnvironment } from "../stack/environment.ts";
import { partVariables } from "../stack/part-flags.ts";

const LIMIT_MS = 60_000;

/** What the runner says, or its own words where that is nothing of use. */
export type RunnerAnswer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly found: string };

/** What each backend says of itself on this machine, with those of the installation's own folder. The keys of models are not for its eyes. */
export async function probeBackends(data: string): Promise<RunnerAnswer<ProbeResult[]>> {
  return await askRunner("probe", z.array(probeResultSchema), data);
}

/** The backends on this machine: the manifests of those that can be loaded, and why the others cannot. */
export async function listBackends(data: string): Promise<RunnerAnswer<BackendList>> {
  return await askRunner("backends", backendListSchema, data);
}

/** The manifests alone. */
export async function describeBackends(data: string): Promise<RunnerAnswer<Manifest[]>> {
  const listed = await listBackends(data);
  return listed.ok ? { ok: true, value: listed.value.manifests } : listed;
}

async function askRunner<T>(command: "probe" | "backends", schema: z.ZodType<T>, data: string): Promise<RunnerAnswer<T>> {
  const [installation, modelKeys] = await Promise.all([readInstallation(data), modelKeyNames(data)]);
  const runner = fileURLToPath(new URL("../../../runner/src/main.ts", import.meta.url));
  const { execa } = await import("execa");
  const environment = cleanEnvironment(modelKeys);
  const result = await execa(process.execPath, ["--disable-sigusr1", "--disable-warning=ExperimentalWarning", runner, command], {
    reject: false,
    timeout: LIMIT_MS,
    stdin: "ignore",
    env: { ...environment, ...partVariables(installation), PATH: pathWithAgents(agentsFolder(data), environment["PATH"] ?? "") },
    extendEnv: false,
  });
  const parsed = schema.safeParse(jsonOrNothing(result.stdout));
  if (parsed.success) return { ok: true, value: parsed.data };
  return { ok: false, found: (result.stderr || result.shortMessage || "no answer").trim().slice(0, 300) };
}

function jsonOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // The caller tells what the process wrote to stderr.
  }
}
