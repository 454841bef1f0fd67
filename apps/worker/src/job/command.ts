import type { EgressPhase } from "@slipway/protocol/egress";
import type { AttemptContext } from "../attempt/context.ts";
import { PORTS_EACH } from "../daemon/job-ports.ts";
import { openEgress } from "../egress/open-egress.ts";
import { sandboxEnvironment } from "../sandbox/environment-of-turn.ts";
import { certificateEnvironment, networkEnvironment } from "../sandbox/network-environment.ts";
import type { CommandResult, Sandbox } from "../sandbox/sandbox.ts";
import { ARTIFACT_LIMIT_BYTES } from "./artifact.ts";

export interface LoggedCommand {
  /** For `sh -c`. */
  readonly text: string;
  /** Log stream that its output goes to. */
  readonly stream: string;
  readonly network: "none" | "host";
  /** Hosts that it may reach where it has no network. */
  readonly egress?: { readonly phase: EgressPhase; readonly hosts: readonly string[] };
  readonly timeoutMs: number;
  /** What to keep of the output; the limit of an artifact where it is missing. */
  readonly outputLimitBytes?: number;
}

export interface LoggedResult extends CommandResult {
  /** What it asked for and did not get, as HOST:PORT. */
  readonly refusedHosts: readonly string[];
}

/**
 * Runs a shell command in a one-shot of the sandbox; its output is streamed into the log as it comes, and is on disk when this resolves. Log and result hold
 * the same bytes, masked: an agent may have left a secret where a command of the repository prints it.
 */
export async function runLogged(context: AttemptContext, sandbox: Sandbox, command: LoggedCommand): Promise<LoggedResult> {
  const stream = context.masks.stream();
  const written: Uint8Array[] = [];
  const write = (masked: Uint8Array): void => {
    written.push(masked);
    context.events.log(command.stream, masked);
  };
  const way = command.egress && openEgress(context, command.egress.phase, command.egress.hosts);
  const result = await sandbox.run(
    {
      argv: ["sh", "-c", command.text],
      env: {
        ...(command.network === "host" ? networkEnvironment(process.env) : way ? certificateEnvironment(process.env) : {}),
        ...jobEnvironment(context, sandbox, { portBase: context.ports.commandBase, network: command.network }),
      },
      network: command.network,
      egress: way,
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
  await way?.tellTotals();
  return { ...result, output: Buffer.concat(written), refusedHosts: way?.refused() ?? [] };
}

/** Environment of everything that runs for a job, with the certificates of the installation. Never a secret: those have their own way in. */
export function jobEnvironment(
  context: Pick<AttemptContext, "claim">,
  sandbox: Pick<Sandbox, "inside" | "record">,
  { portBase, network }: { readonly portBase: number; readonly network: "none" | "host" },
): Record<string, string> {
  const isOnHost = sandbox.record.kind === "none" || network === "host";
  return {
    ...sandboxEnvironment(sandbox.inside),
    SLIPWAY_JOB: context.claim.job.id,
    SLIPWAY_PORT_BASE: String(portBase),
    SLIPWAY_PORT_COUNT: String(PORTS_EACH),
    // Most servers listen there. With a network of its own a job's servers have their usual ports, which its tests may count on.
    ...(isOnHost ? { PORT: String(portBase) } : {}),
  };
}
