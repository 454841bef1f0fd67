import type { AttemptContext } from "../attempt/context.ts";
import { UTF8_LOCALE } from "../sandbox/locale.ts";
import { networkEnvironment } from "../sandbox/network-environment.ts";
import type { CommandResult, Sandbox } from "../sandbox/sandbox.ts";
import { ARTIFACT_LIMIT_BYTES } from "./artifact.ts";

export interface LoggedCommand {
  /** For `sh -c`. */
  readonly text: string;
  /** Log stream that its output goes to. */
  readonly stream: string;
  readonly network: "none" | "host";
  readonly timeoutMs: number;
  /** What to keep of the output; the limit of an artifact where it is missing. */
  readonly outputLimitBytes?: number;
}

/** Runs a shell command in a one-shot of the sandbox; its output is streamed into the log as it comes, and is on disk when this resolves. */
export async function runLogged(context: AttemptContext, sandbox: Sandbox, command: LoggedCommand): Promise<CommandResult> {
  const result = await sandbox.run(
    {
      argv: ["sh", "-c", command.text],
      env: { ...jobEnvironment(context, sandbox), ...(command.network === "host" ? networkEnvironment(process.env) : {}) },
      network: command.network,
      timeoutMs: command.timeoutMs,
      outputLimitBytes: command.outputLimitBytes ?? ARTIFACT_LIMIT_BYTES,
      onOutput: (_stream, bytes) => context.events.log(command.stream, bytes),
    },
    context.signal,
  );
  context.signal.throwIfAborted();
  await context.events.settleLog(command.stream);
  return result;
}

/** Environment of everything that runs for a job, all of it. Never a secret: those have their own way in. */
export function jobEnvironment(context: Pick<AttemptContext, "claim">, sandbox: Pick<Sandbox, "inside">): Record<string, string> {
  return {
    PATH: process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
    HOME: sandbox.inside.home,
    LANG: UTF8_LOCALE,
    TERM: "dumb",
    CI: "1",
    SLIPWAY_JOB: context.claim.job.id,
  };
}
