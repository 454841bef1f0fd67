import { createHash } from "node:crypto";
import { join } from "node:path";

/** Folder for the unix sockets of an installation, by its data folder: short, because a path over 107 bytes cannot be bound. */
export function runtimeFolder(dataFolder: string): string {
  const id = createHash("sha256").update(dataFolder).digest("hex").slice(0, 8);
  return join(process.env["XDG_RUNTIME_DIR"] || "/tmp", `slipway-${id}`);
}

/** Where the model gateway of an installation has its socket: the same for who starts the gateway, and for the worker whose sandboxes see it. */
export function gatewayFolder(dataFolder: string): string {
  return join(runtimeFolder(dataFolder), "gateway");
}

/** The gateway's socket in its folder. */
export function gatewaySocketIn(folder: string): string {
  return join(folder, "s");
}
