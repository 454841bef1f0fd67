import { access, constants } from "node:fs/promises";
import { join } from "node:path";
import { AgentProcess, type ProcessEnd } from "@slipway/backend-sdk/agent-process";
import type { ModelAccess, TurnContext } from "@slipway/backend-sdk/backend";
import { cutText } from "@slipway/backend-sdk/text-limit";
import { abortedTurn, failedTurn } from "@slipway/backend-sdk/turn-result";
import type { TurnResult } from "@slipway/protocol/runner-protocol";
import { prepareCodexHome, temporaryFolder } from "./codex-home.ts";
import { codexArguments, codexEnvironment } from "./command-line.ts";
import type { CodexConfig } from "./config.ts";
import { findCodex } from "./executable.ts";
import { failedByCodex } from "./failure.ts";
import { type McpSettings, mcpSettings } from "./mcp-settings.ts";
import { INSTALL_COMMAND } from "./release.ts";
import { NO_USAGE, type Session, sessionFile } from "./session.ts";
import { TurnReader, usageSince } from "./turn-reader.ts";

const STDERR_TAIL_CHARACTERS = 4_000;
/** Codex names those that it could not start, each with why. */
const SERVERS_FAILED = /required MCP servers failed to initialize: (.+?)(?: \(code -?\d+\))?$/m;

type CodexTurn = TurnContext<CodexConfig>;

/** What a process of Codex is started with, beside the thread. */
interface Launch {
  readonly program: string;
  readonly model: ModelAccess;
  readonly env: Readonly<Record<string, string>>;
  readonly mcp: McpSettings;
  readonly ownSandbox: CodexConfig["ownSandbox"];
}

/** How a process of Codex went. */
interface Run {
  readonly reader: TurnReader;
  readonly end: ProcessEnd;
  readonly stderrTail: string;
  /** As it is after the turn; undefined where no thread began. */
  readonly session: Session | undefined;
}

/** One turn: one process of `codex exec`, which goes on with the thread of the turn before. */
export async function runTurn(turn: CodexTurn): Promise<TurnResult> {
  const { config, home, model, signal } = turn;
  if (signal.aborted) return abortedTurn(signal);
  if (!model) return failedTurn("GATEWAY_UNAVAILABLE", "Codex needs a model, and this turn was given no way to one.");
  const program = await findCodex(config.command, turn.env["PATH"]);
  if (program === undefined) {
    const remedy = config.command === "codex" ? INSTALL_COMMAND : "Correct `command` in backendConfig.";
    return failedTurn("BACKEND_NOT_INSTALLED", `There is no program ${config.command} for the agent.`, { command: config.command, remedy });
  }
  const codexHome = join(home, ".codex");
  await prepareCodexHome(codexHome);
  const temporary = await temporaryFolder(codexHome, home, turn.env["TMPDIR"] ?? "/tmp");
  const mcp = mcpSettings(turn.mcpServers ?? []);
  const env = codexEnvironment(turn.env, { codexHome, temporary, token: model.token, variables: mcp.variables });
  const launch = { program, model, env, mcp, ownSandbox: turn.readOnly && (await canWrite(turn.workspace)) ? "read-only" : config.ownSandbox } as const;

  const session = turn.turn > 1 ? await sessionFile.read(home) : undefined;
  if (turn.turn > 1 && !session) notice(turn, "The session of the earlier turns is lost; a new one begins.");
  const run = await runCodex(turn, launch, session);
  if (!signal.aborted && session && isLost(run)) {
    notice(turn, "Codex does not find the session of the earlier turns; a new one begins.");
    return judge(turn, await runCodex(turn, launch, undefined));
  }
  return judge(turn, run);
}

/** Where a mount keeps the agent from it, Codex's own sandbox has nothing to add, and could not be made inside of another. */
async function canWrite(folder: string): Promise<boolean> {
  return await access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );
}

/** Runs one process to its end. */
async function runCodex(turn: CodexTurn, { program, model, env, mcp, ownSandbox }: Launch, resumed: Session | undefined): Promise<Run> {
  const { home, signal } = turn;
  // A thread that goes on has them already.
  const images = resumed ? [] : (turn.images ?? []).map(({ path }) => path);
  let session = resumed;
  let stderrTail = "";
  let saving = Promise.resolve();
  const save = (next: Session): void => {
    session = next;
    saving = saving.then(() => sessionFile.write(home, next));
    // Awaited at the end, and not to count as nobody's until then.
    saving.catch(() => undefined);
  };
  const reader = new TurnReader({
    turn: turn.turn,
    workspace: turn.workspace,
    emit: turn.emit,
    log: turn.log,
    onThread: (threadId) => save({ threadId, usage: session?.threadId === threadId ? session.usage : NO_USAGE }),
    onFinal(final) {
      codex.expectExit();
      if (final.kind === "failed" || !final.usage || !session) return;
      turn.emit({ kind: "usage", data: usageSince(session.usage, final.usage) });
      save({ ...session, usage: final.usage });
    },
  });
  const codex = new AgentProcess({
    program,
    args: codexArguments({ ...turn.config, ownSandbox }, model, resumed?.threadId, mcp, images),
    cwd: turn.workspace,
    env,
    input: turn.prompt,
    onStdout: (chunk) => reader.push(chunk),
    onStderr(chunk) {
      turn.log("stderr", chunk);
      stderrTail = (stderrTail + chunk.toString()).slice(-STDERR_TAIL_CHARACTERS);
    },
  });
  const abort = (): void => codex.interrupt();
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    const end = await codex.ended;
    reader.end();
    await saving;
    return { reader, end, stderrTail, session };
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Codex refuses a thread that it has no file of before it begins anything. */
function isLost({ reader, stderrTail }: Run): boolean {
  return !SERVERS_FAILED.test(stderrTail) && reader.threadId === undefined && /no rollout found|thread\/resume failed/.test(stderrTail);
}

function judge({ signal, config }: CodexTurn, { reader, end, stderrTail }: Run): TurnResult {
  if (signal.aborted) return abortedTurn(signal);
  const { final } = reader;
  if (final?.kind === "completed") return { status: "done", finalText: cutText(final.finalText) };
  if (final) return failedByCodex(final.message);
  if (end.startError) return failedTurn("BACKEND_NOT_INSTALLED", `${config.command} cannot be started: ${end.startError.message}.`);
  // Said before the process went, and more telling than how it went.
  const [, servers] = SERVERS_FAILED.exec(stderrTail) ?? [];
  if (servers !== undefined) return failedTurn("MCP_SERVER_FAILED", `Codex could not start an MCP server of the job: ${servers}.`, { field: "mcpServers" });
  if (reader.lastError !== undefined) return failedByCodex(reader.lastError);
  const how = end.exitCode === null ? `was ended by ${end.exitSignal}` : `ended with ${end.exitCode}`;
  const details = { exitCode: end.exitCode, signal: end.exitSignal, stderr: stderrTail };
  return failedTurn(reader.isGarbled ? "BACKEND_OUTPUT_INVALID" : "BACKEND_FAILED", `Codex ${how} without a final event.`, details);
}

function notice(turn: CodexTurn, text: string): void {
  turn.emit({ kind: "notice", data: { level: "warning", text } });
}
