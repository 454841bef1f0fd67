import { SlipwayError } from "@slipway/protocol/errors";
import { execa } from "execa";
import { tellsOfFullDisk } from "../exec.ts";

/** Runs a program of the system, such as mount(8). WORKSPACE_FAILED with what it said, DISK_FULL, or the signal's reason. */
export async function runSystem(program: string, args: readonly string[], options: { cwd?: string; signal?: AbortSignal } = {}): Promise<void> {
  const { cwd = "/", signal } = options;
  const ended = await execa(program, args, { cwd, stdin: "ignore", reject: false, ...(signal ? { cancelSignal: signal } : {}) });
  signal?.throwIfAborted();
  if (ended.exitCode === 0) return;
  const why = (ended.stderr || ended.message || "it ended without a word").trim().slice(0, 1_000);
  if (tellsOfFullDisk(why)) throw new SlipwayError("DISK_FULL", undefined, { command: program, stderr: why });
  throw new SlipwayError("WORKSPACE_FAILED", `${program} failed: ${why}`, { args: [...args] }, { cause: ended.cause });
}
