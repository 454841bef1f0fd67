import { SlipwayError } from "@slipway/protocol/errors";
import type { SandboxKind } from "@slipway/protocol/sandbox-kind";

/** SANDBOX_UNAVAILABLE, at once and with a way on, where this kind of sandbox cannot be had on the platform: bubblewrap is Linux's alone. */
export function requirePlatform(kind: SandboxKind, platform: NodeJS.Platform): void {
  if (platform === "linux" || (platform === "darwin" && kind === "none")) return;
  if (platform === "darwin" && kind === "docker") {
    throw new SlipwayError("SANDBOX_UNAVAILABLE", "On macOS a container engine runs in a machine of its own, which shares no sockets with this one.", {
      platform,
      hint: "Run the worker in that machine, or another Linux one; or pass `--sandbox none` to run agents without isolation, as yourself.",
    });
  }
  if (platform === "darwin") {
    throw new SlipwayError("SANDBOX_UNAVAILABLE", "There is no bubblewrap on macOS.", {
      platform,
      hint: "Pass `--sandbox none` to run agents without isolation, as yourself; or run the worker in a Linux machine, a virtual one for instance.",
    });
  }
  throw new SlipwayError("SANDBOX_UNAVAILABLE", `A worker runs on Linux, or without isolation on macOS, and this is ${platform}.`, {
    platform,
    hint: platform === "win32" ? "Run Slipway in WSL 2." : "Run the worker on a Linux machine, a virtual one for instance.",
  });
}
