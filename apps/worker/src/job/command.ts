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

/**
 * Runs a shell command in a one-shot of the sandbox; its output is streamed into the log as it comes, and is on disk when this resolves. Log and result hold
 * the same bytes, masked: an agent may have left a secret where a command of the repository prints it.
 */
export async function runLogged(context: AttemptContext, sandbox: Sandbox, command: LoggedCommand): Promise<CommandResult> {
  const stream = context.masks.stream();
  const written: Uint8Array[] = [];
  const write = (masked: Uint8Array): void => {
    written.push(masked);
    context.events.log(command.stream, masked);
  };
  const result = await sandbox.run(
    {
      argv: ["sh", "-c", command.text],
      env: { ...jobEnvironment(context, sandbox), ...(command.network === "host" ? networkEnvironment(process.env) : {}) },
      network: command.network,
      timeoutMs: command.timeoutMs,
      outputLimitBytes: command.outputLimitBytes ?? ARTIFACT_LIMIT_BYTES,
      onOutput: (_stream, bytes) => write(stream.push(bytes)),
    },
    context.signal,
  );
  context.signal.throwIfAborted();
  // What a sandbox says itself of a command that it could not find comes with the result alone.
  if (written.length === 0) write(stream.push(result.output));
  write(stream.end());
  await context.events.settleLog(command.stream);
  return { ...result, output: Buffer.concat(written) };
}

/** Environment of everything that runs for a job, all of it. Never a secret: those have their own way in. */
export function jobEnvironment(context: Pick<AttemptContext, "claim">, sandbox: Pick<Sandbox, "inside">): Record<string, string> {
  return {
    PATH: sandbox.inside.path,
    HOME: sandbox.inside.home,
    LANG: UTF8_LOCALE,
    TERM: "dumb",
    CI: "1",
    SLIPWAY_JOB: context.claim.job.id,
  };
}
