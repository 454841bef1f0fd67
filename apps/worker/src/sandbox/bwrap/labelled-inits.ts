import { readdirSync, readFileSync } from "node:fs";
import type { ProcessMark } from "@slipway/process/process-table";
import { markProcess } from "../processes.ts";

/** What the first process of every sandbox calls itself, before the sandbox's id. */
export const INIT_NAME = "slipway-init";

/** The first process of the sandbox with this id, and bubblewrap around it, by their arguments; nothing where it is gone. */
export function labelledInits(id: string): ProcessMark[] {
  return readdirSync("/proc").flatMap((entry) => {
    if (!/^\d+$/.test(entry) || !carries(entry, id)) return [];
    return markProcess(Number(entry)) ?? [];
  });
}

function carries(pid: string, id: string): boolean {
  try {
    const args = readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0");
    return args[args.indexOf(INIT_NAME) + 1] === id;
  } catch {
    // Gone meanwhile.
    return false;
  }
}
