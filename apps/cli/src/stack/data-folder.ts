import { accessSync, constants, readFileSync, statfsSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { makeFolder } from "@slipway/process/make-folder";
import { gatewayFolder, gatewaySocketIn } from "@slipway/process/runtime-folder";
import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";

export { runtimeFolder } from "@slipway/process/runtime-folder";

/** The data folder: the option, else SLIPWAY_DATA, else the user's own. */
export function dataFolder(option?: string): string {
  const chosen = option ?? process.env["SLIPWAY_DATA"];
  if (chosen) return resolve(chosen);
  return join(process.env["XDG_DATA_HOME"] || join(homedir(), ".local", "share"), "slipway");
}

/** With less room nothing that is started could even say in its log why it cannot start. */
const START_FREE_BYTES = 1_048_576;

/** Makes the data folder where it is missing, for its owner only. INVALID_REQUEST where that cannot be, DISK_FULL where nothing could be written to it. */
export function makeDataFolder(data: string): void {
  try {
    makeFolder(data);
    accessSync(data, constants.W_OK | constants.X_OK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOSPC") throw toSlipwayError(error);
    const why = error instanceof Error ? error.message : String(error);
    throw new SlipwayError(
      "INVALID_REQUEST",
      `The data folder ${data} cannot be used: ${why}.`,
      { hint: "Choose another one with --data or SLIPWAY_DATA." },
      { cause: error },
    );
  }
  const { bavail, bsize } = statfsSync(data);
  const freeBytes = bavail * bsize;
  if (freeBytes < START_FREE_BYTES) throw new SlipwayError("DISK_FULL", `There is no room left under the data folder ${data}: ${freeBytes} bytes are free.`);
}

export function tokenFile(data: string, role: "admin" | "worker" | "integrator" | "gateway"): string {
  return join(data, "tokens", `${role}.token`);
}

/** Where the processes that this command line starts write their logs. */
export function logFile(data: string, part: string): string {
  return join(data, "logs", `${part}.log`);
}

/** Where the gateway of this data folder listens. */
export function gatewaySocket(data: string): string {
  return gatewaySocketIn(gatewayFolder(data));
}

export function readToken(path: string): string {
  return readFileSync(path, "utf8").trim();
}
