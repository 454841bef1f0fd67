import { spawn } from "node:child_process";
import { once } from "node:events";
import { SlipwayError } from "@slipway/protocol/errors";
import { execa } from "execa";
import type { StepContext, StepSummary } from "./step-context.ts";
import type { StepInput } from "./step-schemas.ts";

/** How much of a command's output the tool result repeats; all of it is in the log. */
const TAIL_LIMIT_BYTES = 16_384;
/** A background process may hold the pipes open for ever; this long after the command's exit nobody listens any more. */
const DRAIN_LIMIT_MS = 200;

/** Runs `sh -c` in the workspace, in a process group of its own that an abort kills. Ends at the command's exit, not when its last child ends. */
export async function shell(input: StepInput<"shell">, context: StepContext): Promise<StepSummary> {
  const { turn } = context;
  const { cwd, env } = surroundings(context);
  // Node's own, as agents are started by it: execa takes 2 ms more, and this is what is measured.
  const child = spawn("sh", ["-c", input.command], { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let tail = Buffer.alloc(0);
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].on("data", (chunk: Buffer) => {
      turn.log(stream, chunk);
      tail = Buffer.concat([tail, chunk]).subarray(-TAIL_LIMIT_BYTES);
    });
  }
  const kill = (): void => killGroup(child.pid);
  turn.signal.addEventListener("abort", kill, { once: true });
  try {
    if (turn.signal.aborted) kill();
    const closed = once(child, "close").catch(() => undefined); // an error of the start, told below
    const [exitCode, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    const drained = Promise.withResolvers<void>();
    const timer = setTimeout(drained.resolve, DRAIN_LIMIT_MS);
    await Promise.race([closed, drained.promise]);
    clearTimeout(timer);
    child.stdout.removeAllListeners("data").destroy();
    child.stderr.removeAllListeners("data").destroy();
    turn.signal.throwIfAborted();
    if (input.expectExit !== "any" && exitCode !== input.expectExit) {
      const how = exitCode === null ? `was ended by ${signal}` : `ended with ${exitCode}, expected ${input.expectExit}`;
      throw new SlipwayError("BACKEND_FAILED", `The command ${how}.`, { command: input.command, exitCode, signal, output: tail.toString().slice(-2_000) });
    }
    return `exit ${exitCode ?? signal}\n${tail.toString()}`;
  } finally {
    turn.signal.removeEventListener("abort", kill);
  }
}

/** Leaves a process behind, in a session of its own, as some agents do: only the end of the sandbox ends it. */
export async function daemon(input: StepInput<"daemon">, context: StepContext): Promise<StepSummary> {
  const child = execa("sh", ["-c", input.command], { ...surroundings(context), detached: true, stdio: "ignore", cleanup: false, reject: false });
  child.nodeChildProcess.unref();
  if (child.pid === undefined) throw new SlipwayError("BACKEND_FAILED", "The process could not be started.", { command: input.command });
  return `left behind as process ${child.pid}`;
}

/** Only what the job gives: nothing of the runner's own environment. */
function surroundings({ turn }: StepContext) {
  return { cwd: turn.workspace, env: { ...turn.env, ...turn.secrets }, extendEnv: false } as const;
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Already gone.
  }
}
