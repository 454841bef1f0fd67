import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { release } from "node:os";
import { SlipwayError } from "@slipway/protocol/errors";
import { imageOf } from "@slipway/protocol/sandbox-kind";
import type { SandboxProvider } from "./sandbox.ts";

/** What a receipt says of the machine that it was made on, beyond the tree, the command and the setup. */
export interface Environment {
  readonly image: string;
  /** SHA-256. Two gates with the same digest saw the same kind of machine; nothing is said of the versions of single tools. */
  readonly digest: string;
}

/**
 * What a gate sees of this machine: kind of sandbox, image, platform, architecture, the system's release, root or not, Node's version, PATH, and the
 * folders that are shown for it. Of a container it is the image alone, and the architecture. The same for the same worker until one of these changes.
 * Not the certificates of `extraCaCerts`: they say whom a gate may reach, not what it sees, and a renewed one would throw away every receipt.
 * SANDBOX_UNAVAILABLE where a provider of containers has not been probed, and so has no image.
 */
export function environmentOf(
  { kind, image }: Pick<SandboxProvider, "kind" | "image">,
  toolchains: readonly string[],
  pathEnv: string = process.env["PATH"] ?? "",
): Environment {
  const { platform, arch, version } = process;
  if (kind === "docker") {
    if (!image) throw new SlipwayError("SANDBOX_UNAVAILABLE", "No image is known yet that containers are made from.");
    return { image: image.id, digest: digestOf([kind, image.id, arch, image.path]) };
  }
  const user = process.getuid?.() === 0 ? "root" : "user";
  const shown = imageOf(kind);
  return { image: shown, digest: digestOf([kind, shown, platform, arch, systemRelease(), user, version, pathEnv, toolchains.toSorted()]) };
}

function digestOf(parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

/** A distribution says what it is in a file; the kernel's release, which every reboot may change, is for systems without one. */
function systemRelease(): string {
  try {
    return readFileSync("/etc/os-release", "utf8");
  } catch {
    return release();
  }
}
