import { readdirSync, readFileSync } from "node:fs";
import type { ProcessMark } from "@slipway/process/process-table";
import { markProcess } from "../processes.ts";

const LABEL = "SLIPWAY_COMMANDS_OF";

/** For bubblewrap around a command, which hands none of its own environment on: whose command it is. */
export function commandLabel(runtimeFolder: string): Record<string, string> {
  return { [LABEL]: runtimeFolder };
}

/**
 * What is left of the commands of a worker that was killed. bubblewrap dies with it and takes the command along, unless that comes in the moment between
 * its clone and its word to the child to go on: then the child waits for ever.
 */
export function strayCommands(runtimeFolder: string): ProcessMark[] {
  // Without /proc there is no bubblewrap.
  if (process.platform !== "linux") return [];
  const label = `${LABEL}=${runtimeFolder}`;
  return readdirSync("/proc").flatMap((entry) => (/^\d+$/.test(entry) && environmentOf(entry).includes(label) ? (markProcess(Number(entry)) ?? []) : []));
}

/** Nothing of a process that is gone meanwhile, or another user's. */
function environmentOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0");
  } catch {
    return [];
  }
}
