import { readlinkSync } from "node:fs";

/** The namespace in which this process's pid counts, pid_namespaces(7), such as `pid:[4026531836]`; null where the system has none. */
export function pidNamespace(): string | null {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return null; // macOS
  }
}
