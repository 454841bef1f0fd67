import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { release } from "node:os";
import { imageOf, type SandboxKind } from "@slipway/protocol/sandbox-kind";

/** What a receipt says of the machine that it was made on, beyond the tree, the command and the setup. */
export interface Environment {
  readonly image: string;
  /** SHA-256. Two gates with the same digest saw the same kind of machine; nothing is said of the versions of single tools. */
  readonly digest: string;
}

/**
 * What a gate sees of this machine: kind of sandbox, image, platform, architecture, the system's release, root or not, Node's version, PATH, and the
 * folders that are shown for it. The same for the same worker until one of these changes.
 */
export function environmentOf(kind: SandboxKind, toolchains: readonly string[], pathEnv: string = process.env["PATH"] ?? ""): Environment {
  const { platform, arch, version } = process;
  const image = imageOf(kind);
  const user = process.getuid?.() === 0 ? "root" : "user";
  const parts = [kind, image, platform, arch, systemRelease(), user, version, pathEnv, toolchains.toSorted()];
  return { image, digest: createHash("sha256").update(JSON.stringify(parts)).digest("hex") };
}

/** A distribution says what it is in a file; the kernel's release, which every reboot may change, is for systems without one. */
function systemRelease(): string {
  try {
    return readFileSync("/etc/os-release", "utf8");
  } catch {
    return release();
  }
}
