import { readdirSync, readFileSync } from "node:fs";

/** Pids whose command line holds `mark`; tests give each of their processes a mark of its own. */
export function processesWith(mark: string): number[] {
  return readdirSync("/proc").flatMap((entry) => {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) return [];
    try {
      return readFileSync(`/proc/${entry}/cmdline`, "utf8").includes(mark) ? [Number(entry)] : [];
    } catch {
      // Ended meanwhile.
      return [];
    }
  });
}
