import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import type { ProcessMark } from "@slipway/process/process-table";
import { SlipwayError } from "@slipway/protocol/errors";
import { markProcess } from "../processes.ts";
import { coverInherited } from "./inherited-descriptors.ts";

const STATUS_FD = 3;
const ARGS_FD = 4;
const STATUS_LIMIT_BYTES = 65_536;

export interface Bubblewrap {
  readonly child: ChildProcess;
  /** The first process of the new PID namespace: whoever kills it ends all of them. Undefined where bwrap ended before there was one. */
  readonly first: Promise<ProcessMark | undefined>;
  /** The command's exit code as bwrap reports it; undefined where the command never ran. */
  readonly exitCode: Promise<number | undefined>;
}

/**
 * Starts bwrap. Its options go over a pipe and not over argv, where `ps` would show the environment; and bwrap's own environment is empty, so that no
 * LD_PRELOAD that was meant for the inside is obeyed outside. `prefix` is a command that becomes bwrap, such as one that goes into a group first; `label` stays outside of the
 * sandbox. INVALID_CONFIG where an option holds a zero byte, which would end it and begin another.
 */
export function spawnBubblewrap(
  options: readonly string[],
  argv: readonly string[],
  stdio: { stdin: "ignore" | "pipe"; stdout: "ignore" | "pipe"; stderr: "pipe" | number },
  prefix: readonly string[],
  label: Readonly<Record<string, string>> = {},
): Bubblewrap {
  const broken = [...options, ...argv].find((text) => text.includes("\0"));
  if (broken !== undefined)
    throw new SlipwayError("INVALID_CONFIG", `A path, variable or argument for a sandbox holds a zero byte: ${JSON.stringify(broken.slice(0, 100))}.`);
  const wiring: StdioOptions = [stdio.stdin, stdio.stdout, stdio.stderr, "pipe", "pipe", ...coverInherited(ARGS_FD + 1)];
  const [file = "", ...args] = [...prefix, "bwrap", "--json-status-fd", String(STATUS_FD), "--args", String(ARGS_FD), "--", ...argv];
  const child = spawn(file, args, {
    stdio: wiring,
    // Its own session: a signal to the worker's process group does not reach the sandbox.
    detached: true,
    env: { PATH: process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin", LC_ALL: "C", ...label },
  });
  const optionsPipe = child.stdio[ARGS_FD] as NodeJS.WritableStream | null;
  // A bwrap that could not be started or ended early shows in its exit.
  optionsPipe?.on("error", () => {});
  optionsPipe?.end(options.map((option) => `${option}\0`).join(""));
  return { child, ...readStatus(child) };
}

/** bwrap writes one JSON document a line: first the pid, at the end the exit code of a command that ran. */
function readStatus(child: ChildProcess): Pick<Bubblewrap, "first" | "exitCode"> {
  const first = Promise.withResolvers<ProcessMark | undefined>();
  const exitCode = Promise.withResolvers<number | undefined>();
  let text = "";
  const stream = child.stdio[STATUS_FD] as NodeJS.ReadableStream | null;
  const end = (): void => {
    first.resolve(undefined);
    exitCode.resolve(undefined);
  };
  stream?.on("data", (chunk: Buffer) => {
    text = (text + chunk.toString("latin1")).slice(-STATUS_LIMIT_BYTES);
    const pid = /"child-pid": (\d+)/.exec(text)?.[1];
    if (pid !== undefined) first.resolve(markProcess(Number(pid)));
    const code = /"exit-code": (\d+)/.exec(text)?.[1];
    if (code !== undefined) exitCode.resolve(Number(code));
  });
  stream?.on("error", end);
  stream?.on("close", end);
  stream?.on("end", end);
  child.on("error", end);
  return { first: first.promise, exitCode: exitCode.promise };
}

/** What to do about bwrap's own words. */
const REMEDIES: ReadonlyArray<readonly [RegExp, string]> = [
  [/ENOENT/, "Install bubblewrap (`apt install bubblewrap`), or ask for no isolation with `--sandbox none`."],
  [
    /uid map|RTM_NEWADDR|loopback/i,
    "This machine's AppArmor keeps user namespaces from unprivileged programs: add a profile for bwrap, or `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`; or ask for no isolation with `--sandbox none`.",
  ],
  [
    /new namespace failed|No permissions to create/i,
    "Allow user namespaces (`sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=15000`; in a container, a seccomp profile that lets unshare through); or ask for no isolation with `--sandbox none`.",
  ],
  [/Can't find source path|Can't bind mount|Can't mkdir/i, "A folder that the sandbox needs is missing or cannot be mounted; the message names it."],
];

/** SANDBOX_UNAVAILABLE with bwrap's own words and what to do about them. */
export function bubblewrapFailed(words: string, cause?: unknown): SlipwayError {
  const said = words.trim().slice(-4_000) || "bwrap ended without a word";
  const hint = REMEDIES.find(([pattern]) => pattern.test(said))?.[1];
  return new SlipwayError(
    "SANDBOX_UNAVAILABLE",
    `The sandbox could not be set up: ${said}`,
    hint === undefined ? {} : { hint },
    cause === undefined ? {} : { cause },
  );
}
