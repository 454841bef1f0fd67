import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Differs after every start of the machine: random(4) on Linux, `kern.bootsessionuuid` on macOS. */
export function bootId(): string {
  if (process.platform === "linux") return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return execFileSync("/usr/sbin/sysctl", ["-n", "kern.bootsessionuuid"], { encoding: "utf8" }).trim();
}
