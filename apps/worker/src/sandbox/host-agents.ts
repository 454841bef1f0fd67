import { join } from "node:path";
import { pathWithAgents } from "@slipway/process/agents-folder";
import { type ProbeResult, probeResultSchema } from "@slipway/protocol/manifest";
import { turnEnvironment } from "./environment-of-turn.ts";
import { hostPath } from "./host-path.ts";
import { LineBuffer } from "./link/line-buffer.ts";
import { compileCacheOf } from "./runner-cache.ts";
import type { HostAgents, Sandbox, SandboxCommand, SandboxSpec } from "./sandbox.ts";

/** All probes of one round together, in ms: one that hangs has a limit of its own, inside. */
const ROUND_LIMIT_MS = 3_600_000;
const OUTPUT_LIMIT_BYTES = 4_194_304;
const LINE_LIMIT_BYTES = 65_536;

interface Settings {
  readonly runtimeFolder: string;
  readonly installRoot: string;
  readonly agentsFolder?: string | undefined;
  readonly backendsFolder?: string | undefined;
}

/** The agents of this machine, as turns in sandboxes that `start` makes find them. */
export function hostAgents(settings: Settings, start: (spec: SandboxSpec, signal: AbortSignal) => Promise<Sandbox>): HostAgents {
  const path = pathWithAgents(settings.agentsFolder, hostPath());
  return {
    path,
    installs: settings.agentsFolder === undefined ? undefined : join(settings.agentsFolder, "bin"),
    async ask(spec, backends, onAnswer, signal) {
      const sandbox = await start({ ...spec, runner: false }, signal);
      const lines = new LineBuffer(LINE_LIMIT_BYTES);
      const { inside } = sandbox;
      const onOutput: SandboxCommand["onOutput"] = (stream, bytes) => {
        if (stream !== "stdout") return;
        for (const line of lines.push(bytes)) {
          const answer = answerIn(line);
          if (answer && backends.includes(answer.backend)) onAnswer(answer);
        }
      };
      const env = {
        ...turnEnvironment({ ...inside, agentPath: path }),
        ...(settings.backendsFolder === undefined ? {} : { SLIPWAY_BACKENDS: settings.backendsFolder }),
      };
      const { cache, mounts } = seen(settings);
      const argv = [process.execPath, "--disable-sigusr1", join(settings.installRoot, "apps/runner/src/main.ts"), "probe", "--gently", ...cache, ...backends];
      const limits = { timeoutMs: ROUND_LIMIT_MS, outputLimitBytes: OUTPUT_LIMIT_BYTES };
      const { exitCode, output } = await sandbox.run({ argv, env, network: "none", mounts, onOutput, ...limits }, signal);
      if (exitCode !== 0) throw new Error(`the probes ended with exit code ${exitCode}: ${output.toString("utf8").trim().slice(-300)}`);
    },
  };
}

/** What a runner sees of the worker's folders, and a command does not. */
function seen({ agentsFolder, runtimeFolder }: Settings): { cache: string[]; mounts: NonNullable<SandboxCommand["mounts"]> } {
  const compiled = compileCacheOf(runtimeFolder);
  const folders = [agentsFolder, compiled].filter((folder) => folder !== undefined);
  return {
    cache: compiled === undefined ? [] : ["--compile-cache", compiled],
    mounts: folders.map((folder) => ({ host: folder, inside: folder, writable: false })),
  };
}

/** What a plugin writes beside the answers is none. */
function answerIn(line: string): ProbeResult | undefined {
  try {
    return probeResultSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
