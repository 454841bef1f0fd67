import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SlipwayError } from "@slipway/protocol/errors";
import { type WorkerClean, workerCleanSchema } from "@slipway/protocol/worker-clean";
import { cleanEnvironment } from "./environment.ts";
import { failureInLines } from "./log-tail.ts";

const LIMIT_MS = 120_000;

/**
 * Has the worker's own program end and unmount what a killed worker of this data folder left. Throws its error: DATA_FOLDER_IN_USE where one runs,
 * SANDBOX_UNAVAILABLE where its containers cannot be asked for, WORKSPACE_FAILED where the system does not unmount.
 */
export async function cleanWorker(data: string): Promise<WorkerClean> {
  if (!existsSync(join(data, "worker"))) return { sandboxes: 0, containers: [], mounts: [], attempts: 0 };
  const { execa } = await import("execa");
  const main = fileURLToPath(new URL("../../../worker/src/main.ts", import.meta.url));
  const result = await execa(process.execPath, ["--disable-sigusr1", "--disable-warning=ExperimentalWarning", main, "clean", "--data", data], {
    reject: false,
    timeout: LIMIT_MS,
    stdin: "ignore",
    env: cleanEnvironment([]),
    extendEnv: false,
  });
  if (result.exitCode === 0) return workerCleanSchema.parse(JSON.parse(result.stdout));
  const { code, message, details } = failureInLines(result.stderr.split("\n").filter(Boolean)) ?? {
    code: "INTERNAL",
    message: result.shortMessage,
    details: {},
  };
  throw new SlipwayError(code, message, details);
}
