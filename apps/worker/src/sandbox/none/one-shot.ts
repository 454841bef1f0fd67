import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { SlipwayError } from "@slipway/protocol/errors";
import { exitCodeOf, superviseOneShot } from "../one-shot.ts";
import { endMarked } from "../processes.ts";
import type { CommandResult, SandboxCommand, SandboxSpec } from "../sandbox.ts";
import { LABEL, labelledProcesses, RUN_LABEL } from "./strays.ts";

const NOT_FOUND_EXIT = 127;

/** Runs one command in the workspace as a plain process group, with what it leaves behind found by a label of its own. */
export async function runOneShot(spec: SandboxSpec, command: SandboxCommand, signal: AbortSignal): Promise<CommandResult> {
  signal.throwIfAborted();
  const moved = command.mounts?.find((mount) => mount.host !== mount.inside);
  if (moved) throw new SlipwayError("SANDBOX_UNAVAILABLE", `Without a sandbox nothing can be mounted elsewhere: ${moved.host} at ${moved.inside}.`);
  const run = randomUUID();
  const [file = "", ...args] = command.argv;
  const defaults = { PATH: process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin", HOME: spec.home };
  const env = { ...defaults, ...command.env, [LABEL]: spec.id, [RUN_LABEL]: run };
  const child = spawn(file, args, { cwd: spec.workspace, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  const oneShot = {
    child,
    async endAll(): Promise<void> {
      // The label shows once the program runs; a child that has not come so far is in the list of its parent, us, only.
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      for (let left = labelledProcesses(RUN_LABEL, run); left.length > 0; left = labelledProcesses(RUN_LABEL, run)) await endMarked(left);
    },
    exitCode: exitCodeOf,
  };
  try {
    return await superviseOneShot(oneShot, command, signal);
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (!syscall?.startsWith("spawn")) throw error;
    if (code === "ENOENT" || code === "EACCES")
      return { exitCode: NOT_FOUND_EXIT, timedOut: false, output: Buffer.from(`${file}: not found\n`), droppedBytes: 0, durationMs: 0 };
    throw new SlipwayError("SANDBOX_UNAVAILABLE", `The command could not be started: ${(error as Error).message}.`, {}, { cause: error });
  }
}
