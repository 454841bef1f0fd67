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
import { inPhase, tellRerun } from "./phase.ts";
import { lastLines, plainText } from "./plain-text.ts";

const SETUP_ARTIFACT = "setup.log";
const SETUP_STREAM = "setup";
const NAMED_PATHS = 20;

const NO_NETWORK = "A container has no network: if the setup needs some hosts, list them under `egress.setup` of .slipway.yaml. ";

type SetupConfig = Pick<RepositoryConfig, "setup" | "egress">;

/** Runs the repository's setup commands one by one, each in a one-shot of the sandbox. SETUP_FAILED names the command, its exit code and its last lines; OUT_OF_MEMORY. */
export async function setUp(context: AttemptContext, sandbox: Sandbox, config: SetupConfig, deadline: Deadline): Promise<void> {
  const { setup } = config;
  if (setup.commands.length === 0) return;
  await tellRerun(context, "setup", "setup:done", "the setup");
  await inPhase(context, "setup", "setup", () =>
    context.journal.step("setup:done", async () => {
      await runCommands(context, sandbox, config, deadline);
      await warnOfLeftovers(context, sandbox, deadline);
      return null;
    }),
  );
}

async function runCommands(context: AttemptContext, sandbox: Sandbox, { setup, egress }: SetupConfig, deadline: Deadline): Promise<void> {
  const endMs = monotonicMs() + deadline.setupMs(setup.timeoutSeconds * 1_000);
  const written: Buffer[] = [];
  let droppedBytes = 0;
  let roomBytes = ARTIFACT_LIMIT_BYTES;
  for (const [index, text] of setup.commands.entries()) {
    // Behind the last one comes the look at what it left.
    sandbox.expect?.({ network: index + 1 < setup.commands.length ? setup.network : "none" });
    const title = context.masks.bytes(Buffer.from(`$ ${text}\n`));
    context.events.log(SETUP_STREAM, title);
    const timeoutMs = Math.max(1, Math.floor(endMs - monotonicMs()));
    const result = await runLogged(context, sandbox, {
      text,
      stream: SETUP_STREAM,
      ...(egress.setup === undefined ? { network: networkOf(sandbox, setup) } : { network: "none", egress: { phase: "setup", hosts: egress.setup } }),
      timeoutMs,
      outputLimitBytes: Math.max(1, roomBytes),
    });
    written.push(title, result.output);
    droppedBytes += result.droppedBytes;
    roomBytes -= title.length + result.output.length;
    if (result.exitCode === 0) continue;
    await storeArtifact(context, SETUP_ARTIFACT, wholeOutput({ output: Buffer.concat(written), droppedBytes }));
    const name = `The setup command \`${text.slice(0, 500)}\``;
    const lacksNetwork = egress.setup === undefined && setup.network !== networkOf(sandbox, setup);
    throw commandOutOfMemory(name, result) ?? commandOutOfProcesses(name, result) ?? setupFailed(context.claim.job.number, text, result, lacksNetwork);
  }
  await storeArtifact(context, SETUP_ARTIFACT, wholeOutput({ output: Buffer.concat(written), droppedBytes }));
}

/** A container has no network but the ways out that are listed: an engine's own leads to this machine and all around it. */
function networkOf({ record }: Sandbox, setup: RepositoryConfig["setup"]): "none" | "host" {
  return record.kind === "docker" ? "none" : setup.network;
}

function setupFailed(job: number, command: string, result: LoggedResult, lacksNetwork: boolean): SlipwayError {
  const how = result.timedOut ? "ran out of time" : `ended with exit code ${result.exitCode}`;
  const lines = lastLines(plainText(result.output), 20, 4_000);
  return new SlipwayError("SETUP_FAILED", `The setup command \`${command.slice(0, 500)}\` ${how}.${lines === "" ? "" : `\n${lines}`}`, {
    command: command.slice(0, 2_000),
    exitCode: result.exitCode,
    timedOut: result.timedOut,
    lastLines: lines,
    artifact: SETUP_ARTIFACT,
    ...(result.refusedHosts.length === 0 ? {} : { refusedHosts: result.refusedHosts }),
    hint: `${lacksNetwork ? NO_NETWORK : refusedHint(result.refusedHosts)}Run the command yourself on a fresh clone; \`slipway show ${job} --artifact ${SETUP_ARTIFACT}\` prints its whole output.`,
  });
}

function refusedHint(hosts: readonly string[]): string {
  return hosts.length === 0
    ? ""
    : `It asked for ${hosts.slice(0, 5).join(", ")} and was refused: if that is right, add it to \`egress.setup\` of .slipway.yaml. `;
}

/** A setup should leave only ignored files behind: anything else becomes part of the job's change. Asked inside the sandbox, for people to read only. */
async function warnOfLeftovers(context: AttemptContext, sandbox: Sandbox, deadline: Deadline): Promise<void> {
  const text = "git -c core.fsmonitor=false -c core.quotePath=false status --porcelain --untracked-files=normal --ignore-submodules=all";
  const result = await sandbox.run(
    {
      argv: ["sh", "-c", text],
      env: {
        PATH: sandbox.inside.path,
        HOME: "/nonexistent",
        LC_ALL: "C",
        GIT_CONFIG_NOSYSTEM: "1",
        GIT_CONFIG_GLOBAL: "/dev/null",
        GIT_OPTIONAL_LOCKS: "0",
      },
      network: "none",
      timeoutMs: deadline.setupMs(30_000),
      outputLimitBytes: 65_536,
    },
    context.signal,
  );
  // A sandbox without git, or a setup that broke the repository: the commit will tell, here it is only a warning that is not given.
  if (result.exitCode !== 0) return;
  const lines = plainText(context.masks.bytes(result.output))
    .split("\n")
    .filter((line) => line !== "");
  await warn(
    context,
    "setup:changed",
    "changed files that are tracked",
    lines.filter((line) => !line.startsWith("??")),
  );
  await warn(
    context,
    "setup:left",
    "left files that are neither tracked nor ignored",
    lines.filter((line) => line.startsWith("??")),
  );
}

async function warn(context: AttemptContext, key: string, what: string, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  const more = lines.length > NAMED_PATHS ? ` and ${lines.length - NAMED_PATHS} more` : "";
  const paths = lines.slice(0, NAMED_PATHS).map((line) => line.slice(3));
  const text = `The setup ${what}: ${paths.join(", ")}${more}. They become part of the job's change; list them in .gitignore, or mend the setup, if this is not meant.`;
  await context.events.emitOnce(key, { kind: "notice", data: { level: "warning", text: text.slice(0, 20_000) } });
}
