import { SlipwayError } from "@slipway/protocol/errors";
import type { RepositoryConfig } from "@slipway/protocol/repository-config";
import type { AttemptContext } from "../attempt/context.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { ARTIFACT_LIMIT_BYTES, storeArtifact, wholeOutput } from "./artifact.ts";
import { type LoggedResult, runLogged } from "./command.ts";
import type { Deadline } from "./deadline.ts";
import { monotonicMs } from "./deadline.ts";
import { commandOutOfMemory } from "./out-of-memory.ts";
import { commandOutOfProcesses } from "./out-of-processes.ts";
import { lastLines, plainText } from "./plain-text.ts";
import type { SetupConfig } from "./setup-key.ts";

/** Where the output of a setup goes. */
export interface SetupLog {
  readonly artifact: string;
  readonly stream: string;
}

const SETUP_LOG: SetupLog = { artifact: "setup.log", stream: "setup" };

const NO_NETWORK = "A container has no network: if the setup needs some hosts, list them under `egress.setup` of .slipway.yaml. ";

/** Runs the repository's setup commands one by one, each in a one-shot of the sandbox. SETUP_FAILED names the command, its exit code and its last lines; OUT_OF_MEMORY. */
export async function runSetupCommands(
  context: AttemptContext,
  sandbox: Sandbox,
  { setup, egress }: SetupConfig,
  deadline: Deadline,
  log: SetupLog = SETUP_LOG,
): Promise<void> {
  const endMs = monotonicMs() + deadline.setupMs(setup.timeoutSeconds * 1_000);
  const written: Buffer[] = [];
  let droppedBytes = 0;
  let roomBytes = ARTIFACT_LIMIT_BYTES;
  for (const [index, text] of setup.commands.entries()) {
    // Behind the last one comes the look at what it left.
    sandbox.expect?.({ network: index + 1 < setup.commands.length ? setup.network : "none" });
    const title = context.masks.bytes(Buffer.from(`$ ${text}\n`));
    context.events.log(log.stream, title);
    const timeoutMs = Math.max(1, Math.floor(endMs - monotonicMs()));
    const result = await runLogged(context, sandbox, {
      text,
      stream: log.stream,
      ...(egress.setup === undefined ? { network: networkOf(sandbox, setup) } : { network: "none", egress: { phase: "setup", hosts: egress.setup } }),
      timeoutMs,
      outputLimitBytes: Math.max(1, roomBytes),
    });
    written.push(title, result.output);
    droppedBytes += result.droppedBytes;
    roomBytes -= title.length + result.output.length;
    if (result.exitCode === 0) continue;
    await storeArtifact(context, log.artifact, wholeOutput({ output: Buffer.concat(written), droppedBytes }));
    const name = `The setup command \`${text.slice(0, 500)}\``;
    const lacksNetwork = egress.setup === undefined && setup.network !== networkOf(sandbox, setup);
    throw (
      commandOutOfMemory(name, result) ??
      commandOutOfProcesses(name, result) ??
      setupFailed(context.claim.job.number, text, result, { lacksNetwork, artifact: log.artifact })
    );
  }
  await storeArtifact(context, log.artifact, wholeOutput({ output: Buffer.concat(written), droppedBytes }));
}

/** A container has no network but the ways out that are listed: an engine's own leads to this machine and all around it. */
function networkOf({ record }: Sandbox, setup: RepositoryConfig["setup"]): "none" | "host" {
  return record.kind === "docker" ? "none" : setup.network;
}

function setupFailed(
  job: number,
  command: string,
  result: LoggedResult,
  { lacksNetwork, artifact }: { readonly lacksNetwork: boolean; readonly artifact: string },
): SlipwayError {
  const how = result.timedOut ? "ran out of time" : `ended with exit code ${result.exitCode}`;
  const lines = lastLines(plainText(result.output), 20, 4_000);
  return new SlipwayError("SETUP_FAILED", `The setup command \`${command.slice(0, 500)}\` ${how}.${lines === "" ? "" : `\n${lines}`}`, {
    command: command.slice(0, 2_000),
    exitCode: result.exitCode,
    timedOut: result.timedOut,
    lastLines: lines,
    artifact,
    ...(result.refusedHosts.length === 0 ? {} : { refusedHosts: result.refusedHosts }),
    hint: `${lacksNetwork ? NO_NETWORK : refusedHint(result.refusedHosts)}Run the command yourself on a fresh clone; \`slipway show ${job} --artifact ${artifact}\` prints its whole output.`,
  });
}

function refusedHint(hosts: readonly string[]): string {
  return hosts.length === 0
    ? ""
    : `It asked for ${hosts.slice(0, 5).join(", ")} and was refused: if that is right, add it to \`egress.setup\` of .slipway.yaml. `;
}
