import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { SlipwayError } from "@slipway/protocol/errors";
import { inOwnGroup, type ResourceGroup, type ResourceGroups } from "../limits/resource-groups.ts";
import { exitCodeOf, superviseOneShot, untilReady } from "../one-shot.ts";
import type { CommandResult, SandboxCommand, SandboxSpec } from "../sandbox.ts";
import { endFamily, LABEL, RUN_LABEL } from "./strays.ts";

const NOT_FOUND_EXIT = 127;

/** Runs one command in the workspace as a plain process group, with what it leaves behind found by a label of its own. */
export async function runOneShot(groups: ResourceGroups, spec: SandboxSpec, command: SandboxCommand, signal: AbortSignal): Promise<CommandResult> {
  await untilReady(command.after, signal);
  const moved = command.mounts?.find((mount) => mount.host !== mount.inside);
  if (moved) throw new SlipwayError("SANDBOX_UNAVAILABLE", `Without a sandbox nothing can be mounted elsewhere: ${moved.host} at ${moved.inside}.`);
  return await inOwnGroup(groups, spec.id, (group) => runIn(group, spec, command, signal));
}

async function runIn(group: ResourceGroup, spec: SandboxSpec, command: SandboxCommand, signal: AbortSignal): Promise<CommandResult> {
  const run = randomUUID();
  const [program = ""] = command.argv;
  const [file = "", ...args] = [...group.prefix, ...command.argv];
  const defaults = { PATH: process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin", HOME: spec.home };
  const env = { ...defaults, ...command.env, [LABEL]: spec.id, [RUN_LABEL]: run };
  const child = spawn(file, args, { cwd: spec.workspace, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  const oneShot = {
    child,
    group,
    async endAll(): Promise<void> {
      if (child.pid === undefined) return;
      await group.end();
      // Where its label does not show, its group does, for as long as anything of it is left; its number is safe before its exit is known.
      const isKnown = child.exitCode !== null || child.signalCode !== null;
      await endFamily(RUN_LABEL, run, { pids: isKnown ? [] : [child.pid], groups: [child.pid] });
    },
    exitCode: exitCodeOf,
  };
  try {
    return await superviseOneShot(oneShot, command, signal);
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (!syscall?.startsWith("spawn")) throw error;
    if (code === "ENOENT" || code === "EACCES")
      return { exitCode: NOT_FOUND_EXIT, timedOut: false, output: Buffer.from(`${program}: not found\n`), droppedBytes: 0, durationMs: 0, memory: null };
    throw new SlipwayError("SANDBOX_UNAVAILABLE", `The command could not be started: ${(error as Error).message}.`, {}, { cause: error });
  }
}
