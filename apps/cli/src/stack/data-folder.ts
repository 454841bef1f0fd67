import { createHash } from "node:crypto";
import { accessSync, constants, mkdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";

/** The data folder: the option, else SLIPWAY_DATA, else the user's own. */
export function dataFolder(option?: string): string {
  const chosen = option ?? process.env["SLIPWAY_DATA"];
  if (chosen) return resolve(chosen);
  return join(process.env["XDG_DATA_HOME"] || join(homedir(), ".local", "share"), "slipway");
}

/** Makes the data folder where it is missing, for its owner only. INVALID_REQUEST where that cannot be. */
export function makeDataFolder(data: string): void {
  try {
    mkdirSync(data, { recursive: true, mode: 0o700 });
    accessSync(data, constants.W_OK | constants.X_OK);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SlipwayError(
      "INVALID_REQUEST",
      `The data folder ${data} cannot be used: ${why}.`,
      { hint: "Choose another one with --data or SLIPWAY_DATA." },
      { cause: error },
    );
  }
}

export function tokenFile(data: string, role: "admin" | "worker" | "integrator" | "gateway"): string {
  return join(data, "tokens", `${role}.token`);
}

/** Where the processes that this command line starts write their logs. */
export function logFile(data: string, part: string): string {
  return join(data, "logs", `${part}.log`);
}

/** Short folder for unix sockets; a path over 107 bytes cannot be bound. */
export function runtimeFolder(data: string): string {
  const id = createHash("sha256").update(data).digest("hex").slice(0, 8);
  return join(process.env["XDG_RUNTIME_DIR"] || "/tmp", `slipway-${id}`);
}

/** Where the gateway of this data folder listens, and the worker's agents find it. */
export function gatewaySocket(data: string): string {
  return join(runtimeFolder(data), "gateway", "s");
}

export function readToken(path: string): string {
  return readFileSync(path, "utf8").trim();
}
