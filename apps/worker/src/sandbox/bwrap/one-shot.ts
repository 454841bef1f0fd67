import { SlipwayError } from "@slipway/protocol/errors";
import { withEgressFolder } from "../egress-folders.ts";
import { inOwnGroup, type ResourceGroup } from "../limits/resource-groups.ts";
import { exitCodeOf, superviseOneShot } from "../one-shot.ts";
import { endMarked, markProcess } from "../processes.ts";
import { proxiedCommand } from "../runner-command.ts";
import type { CommandResult, SandboxCommand, SandboxSpec } from "../sandbox.ts";
import { bubblewrapFailed, spawnBubblewrap } from "./spawn-bubblewrap.ts";
import { commandLabel } from "./stray-commands.ts";
import { type HostView, INSIDE, viewOptions } from "./view.ts";

const DEFAULT_ENV = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", HOME: INSIDE.home };
const NOT_FOUND_EXIT = 127;
/** Keeps the command from beginning until a line comes; it does not begin where the pipe ends without one. */
const HOLD = ["/bin/sh", "-c", 'read -r go && exec "$@"', "sh"];

/** Runs one command in a fresh sandbox with the view of `spec`, without its control folder, spool and socket. */
export async function runOneShot(host: HostView, spec: SandboxSpec, command: SandboxCommand, signal: AbortSignal): Promise<CommandResult> {
  signal.throwIfAborted();
  return await inOwnGroup(host.groups, spec.id, (group) => runIn(group, host, spec, command, signal));
}

async function runIn(group: ResourceGroup, host: HostView, spec: SandboxSpec, command: SandboxCommand, signal: AbortSignal): Promise<CommandResult> {
  if (!command.egress) return await runWith(group, host, spec, command, signal);
  return await withEgressFolder(host.runtimeFolder, command.egress, undefined, async (folder) => {
    const mounts = [...(command.mounts ?? []), { host: folder, inside: INSIDE.egress, writable: false }];
    const argv = proxiedCommand(host.installRoot, `${INSIDE.egress}/s`, command.argv);
    return await runWith(group, host, spec, { ...command, argv, mounts }, signal);
  });
}

async function runWith(group: ResourceGroup, host: HostView, spec: SandboxSpec, command: SandboxCommand, signal: AbortSignal): Promise<CommandResult> {
  const view = viewOptions(host, spec, { network: command.network, ...(command.mounts ? { mounts: command.mounts } : {}) });
  // Nobody is left to take its exit when the worker dies, so it dies too; the resident runner does not.
  const options = [...view, ...environmentOptions({ ...DEFAULT_ENV, ...command.env }), "--die-with-parent"];
  const stdio = { stdin: command.after ? "pipe" : "ignore", stdout: "pipe", stderr: "pipe" } as const;
  const argv = [...(command.after ? HOLD : []), ...host.commandPrefix, ...command.argv];
  const { child, first, exitCode } = spawnBubblewrap(options, argv, stdio, group.prefix, commandLabel(host.runtimeFolder));
  const held = new AbortController();
  child.stdin?.on("error", () => {});
  command.after?.then(
    () => child.stdin?.end("\n"),
    (error: unknown) => held.abort(error),
  );
  const outer = child.pid === undefined ? undefined : markProcess(child.pid);
  const oneShot = {
    child,
    group,
    async endAll(): Promise<void> {
      const mark = await first;
      // Without a first process bwrap is still at its own setup, or over.
      await endMarked([mark, mark ? undefined : outer].filter((process) => process !== undefined));
    },
    async exitCode(code: number | null, by: NodeJS.Signals | null, output: Buffer): Promise<number> {
      const reported = await exitCode;
      if (reported !== undefined) return reported;
      const words = output.toString("utf8").trim();
      if (words.startsWith("bwrap: execvp")) return NOT_FOUND_EXIT;
      // Killed from outside, by the out-of-memory killer for one: the command did not end by itself.
      if (by !== null || !words.startsWith("bwrap:")) return exitCodeOf(code, by);
      throw bubblewrapFailed(words);
    },
  };
  try {
    return await superviseOneShot(oneShot, command, command.after ? AbortSignal.any([signal, held.signal]) : signal);
  } catch (error) {
    throw (error as NodeJS.ErrnoException).syscall?.startsWith("spawn") ? bubblewrapFailed((error as Error).message, error) : error;
  }
}

function environmentOptions(env: Readonly<Record<string, string>>): string[] {
  return Object.entries(env).flatMap(([name, value]) => {
    if (name === "" || name.includes("=")) throw new SlipwayError("INVALID_CONFIG", `No environment variable can be called ${JSON.stringify(name)}.`);
    return ["--setenv", name, value];
  });
}
