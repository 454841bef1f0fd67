import { join } from "node:path";
import type { ProcessEnd } from "@slipway/backend-sdk/agent-process";
import { aheadEnvironment, tellJob } from "@slipway/backend-sdk/ahead-environment";
import type { AheadContext, ModelAccess, TurnContext } from "@slipway/backend-sdk/backend";
import { type ReadImage, readImages } from "@slipway/backend-sdk/read-images";
import { cutText } from "@slipway/backend-sdk/text-limit";
import { abortedTurn, failedTurn } from "@slipway/backend-sdk/turn-result";
import type { TurnResult } from "@slipway/protocol/runner-protocol";
import { agentsInstructions, prepareClaudeHome } from "./claude-home.ts";
import { ClaudeProcess, type Launch, residents } from "./claude-process.ts";
import { claudeArguments, claudeEnvironment } from "./command-line.ts";
import type { ClaudeConfig } from "./config.ts";
import { findClaude } from "./executable.ts";
import { failedByClaude } from "./failure.ts";
import { INSTALL_COMMAND } from "./release.ts";
import { sessionFile } from "./session.ts";
import { SilenceWatch } from "./silence-watch.ts";
import { TurnReader } from "./turn-reader.ts";

const STDERR_TAIL_CHARACTERS = 4_000;

type ClaudeTurn = TurnContext<ClaudeConfig>;

/** How a turn went in its process. */
interface Run {
  readonly reader: TurnReader;
  /** How the process ended, where it did; `silent` where the model was, `servers` where MCP servers of the job did not start, `refused` where it could not be claimed. */
  readonly over: "result" | "silent" | "servers" | "refused" | ProcessEnd;
  readonly failedServers: Readonly<Record<string, string>>;
  readonly stderrTail: string;
}

/** One turn: in the process that the turn before left, else in a new one that goes on with its conversation. */
export async function runTurn(turn: ClaudeTurn): Promise<TurnResult> {
  const { config, home, model, signal } = turn;
  if (signal.aborted) return abortedTurn(signal);
  if (!model) return failedTurn("GATEWAY_UNAVAILABLE", "Claude Code needs a model, and this turn was given no way to one.");
  const program = await findClaude(config.command, turn.env["PATH"]);
  if (program === undefined) {
    const remedy = config.command === "claude" ? INSTALL_COMMAND : "Correct `command` in backendConfig.";
    return failedTurn("BACKEND_NOT_INSTALLED", `There is no program ${config.command} for the agent.`, { command: config.command, remedy });
  }
  const configFolder = join(home, ".claude");
  const launch = async (sessionId: string | undefined): Promise<Launch> => {
    await prepareClaudeHome(configFolder);
    return launchOf(turn, program, model, configFolder, await agentsInstructions(turn.workspace), sessionId);
  };

  const waiting = await takeWaiting(turn, program, model, configFolder);
  if (waiting) {
    // One that was started ahead has no conversation yet.
    const isNew = waiting.isAhead && waiting.bound === undefined;
    if (isNew) await tellJob(turn.env, home);
    const run = await play(turn, waiting, model, isNew ? await readImages(turn.images) : []);
    if (signal.aborted || !isGone(run)) return judge(turn, run);
    await waiting.end();
  }
  const session = turn.turn > 1 ? await sessionFile.read(home) : undefined;
  if (turn.turn > 1 && !session) notice(turn, "The session of the earlier turns is lost; a new one begins.");
  const run = await play(turn, new ClaudeProcess(await launch(session?.sessionId)), model, session ? [] : await readImages(turn.images));
  if (!signal.aborted && session && isLost(run)) {
    notice(turn, "Claude Code does not find the session of the earlier turns; a new one begins.");
    return judge(turn, await play(turn, new ClaudeProcess(await launch(undefined)), model, await readImages(turn.images)));
  }
  return judge(turn, run);
}

/** A process that can take the turn: that of the turn before, or one that was started ahead. Those that cannot are ended. */
async function takeWaiting(turn: ClaudeTurn, program: string, model: ModelAccess, configFolder: string): Promise<ClaudeProcess | undefined> {
  const before = residents.take(turn.home);
  const ahead = residents.takeAhead();
  const own = launchOf(turn, program, model, configFolder, undefined, undefined).fingerprint;
  const others = aheadLaunch({ ...turn, modelUrl: model.baseUrl }, program, configFolder).fingerprint;
  const fits = (claude: ClaudeProcess): boolean =>
    // What it was started with has no place for a turn that may change nothing.
    claude.fingerprint === (claude.isAhead ? others : own) &&
    !(claude.isAhead && turn.readOnly) &&
    (claude.bound ?? boundTo(turn, model)) === boundTo(turn, model);
  const chosen = [turn.turn > 1 ? before : ahead].find((claude) => claude !== undefined && fits(claude));
  for (const claude of [before, ahead]) if (claude !== chosen) await claude?.end();
  return chosen;
}

/** What a process learns of its job after its start, where it was started ahead. */
function boundTo({ workspace, mcpServers }: ClaudeTurn, { token }: ModelAccess): string {
  return JSON.stringify([workspace, token, mcpServers ?? []]);
}

/** How a process is started before its job is known: in its home, as the workspace may be mounted later. */
export function aheadLaunch(ahead: Pick<AheadContext<ClaudeConfig>, "config" | "home" | "env" | "modelUrl">, program: string, configFolder: string): Launch {
  const { config, home, modelUrl = "" } = ahead;
  const env = claudeEnvironment(aheadEnvironment(ahead.env, home), { config, configFolder, model: { baseUrl: modelUrl } });
  const args = claudeArguments(config, undefined, undefined, undefined);
  return { program, args, cwd: home, env, fingerprint: JSON.stringify([program, args, Object.entries(env).toSorted(([a], [b]) => (a < b ? -1 : 1))]) };
}

function launchOf(
  turn: ClaudeTurn,
  program: string,
  model: ModelAccess,
  configFolder: string,
  instructions: string | undefined,
  sessionId: string | undefined,
): Launch {
  const { config, workspace: cwd } = turn;
  const env = claudeEnvironment(turn.env, { config, configFolder, model });
  const readOnly = turn.readOnly ? { servers: (turn.mcpServers ?? []).map(({ name }) => name) } : undefined;
  const argumentsOf = (told: string | undefined, id: string | undefined): string[] => claudeArguments(config, cwd, told, id, readOnly);
  // Neither the session nor instructions that changed meanwhile are a reason to start anew.
  const fingerprint = JSON.stringify([program, cwd, env, model.token, turn.mcpServers ?? [], argumentsOf(undefined, undefined)]);
  return { program, args: argumentsOf(instructions, sessionId), cwd, env, token: model.token, fingerprint };
}

/** Plays the turn in a process, which then waits for the next one, or is gone. `images` are those that its conversation does not have yet. */
async function play(turn: ClaudeTurn, claude: ClaudeProcess, model: ModelAccess, images: readonly ReadImage[]): Promise<Run> {
  const { home, signal } = turn;
  const said = Promise.withResolvers<"result" | "silent" | "servers" | "refused">();
  const watch = new SilenceWatch(turn.config.silenceTimeoutSeconds * 1_000, () => said.resolve("silent"));
  let saving = Promise.resolve();
  let stderrTail = "";
  let failedServers: Run["failedServers"] = {};
  const reader = new TurnReader({
    workspace: turn.workspace,
    emit: turn.emit,
    log: turn.log,
    onSession(sessionId) {
      saving = saving.then(() => sessionFile.write(home, { sessionId }));
      // Awaited at the end, and not to count as nobody's until then.
      saving.catch(() => undefined);
    },
    onLife: (pauseMs) => watch.sign(pauseMs),
    onHeard: () => claude.heard(),
    goesOn: () => claude.hasUnheard,
    onResult: () => said.resolve("result"),
    onClaim(refused) {
      if (refused === undefined) open();
      else said.resolve("refused");
    },
    onServers(failed) {
      failedServers = failed;
      if (Object.keys(failed).length > 0) said.resolve("servers");
      else begin();
    },
  });
  const begin = (): void => {
    claude.prompt(turn.prompt, images);
    void passOn(turn, claude, reader);
  };
  // They are there for the first request of the model only where they are awaited.
  const open = (): void => {
    if (turn.mcpServers && !claude.hasServers) claude.startServers(turn.mcpServers);
    else begin();
  };
  const abort = (): void => claude.interrupt();
  claude.listen({
    onStdout: (chunk) => reader.push(chunk),
    onStderr(chunk) {
      turn.log("stderr", chunk);
      stderrTail = (stderrTail + chunk.toString()).slice(-STDERR_TAIL_CHARACTERS);
    },
  });
  const isNew = claude.isAhead && claude.bound === undefined;
  claude.bound = boundTo(turn, model);
  if (isNew) claude.claim(model.token, turn.workspace, await agentsInstructions(turn.workspace));
  else open();
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    const over = await Promise.race([said.promise, claude.ended]);
    if (typeof over === "object") reader.end();
    await saving;
    // What was broken off in the middle, or has failed, is no process to go on with.
    if (over === "result" && isDone(reader) && !signal.aborted) await residents.keep(home, claude);
    else await claude.kill();
    return { reader, over, failedServers, stderrTail };
  } finally {
    watch.stop();
    claude.release();
    signal.removeEventListener("abort", abort);
  }
}

/** Passes on what people say in the middle of the turn: Claude Code tells its model with the next result of a tool, or goes on with it after its answer. */
async function passOn(turn: ClaudeTurn, claude: ClaudeProcess, reader: TurnReader): Promise<void> {
  for await (const message of turn.steering ?? []) {
    if (reader.result || !claude.isAlive) notice(turn, "A message came when the agent had ended its turn.");
    else claude.steer(message);
  }
}

/** An error of the model comes as `success` too, with a word that it is none. */
function isDone({ result }: TurnReader): boolean {
  return result?.subtype === "success" && !result.is_error;
}

/** A process that had waited was gone before it took the turn, or did not take it. */
function isGone({ reader, over }: Run): boolean {
  return over === "refused" || (typeof over === "object" && reader.sessionId === undefined);
}

/** Claude Code refuses a session that it has no file of before it begins anything. */
function isLost({ reader, stderrTail }: Run): boolean {
  if (reader.sessionId !== undefined && (reader.result?.num_turns ?? 1) > 0) return false;
  return /no conversation found/i.test(`${stderrTail} ${JSON.stringify(reader.result?.errors ?? [])}`);
}

function judge({ signal, config }: ClaudeTurn, { reader, over, failedServers, stderrTail }: Run): TurnResult {
  if (signal.aborted) return abortedTurn(signal);
  if (over === "servers") {
    const told = Object.entries(failedServers).map(([name, why]) => (name === "" ? why : `${name}: ${why}`));
    return failedTurn("MCP_SERVER_FAILED", `Claude Code could not start an MCP server of the job: ${told.join("; ")}.`, { field: "mcpServers" });
  }
  const { result } = reader;
  if (result) return isDone(reader) ? { status: "done", finalText: cutText(result.result) } : failedByClaude(result);
  if (typeof over === "string") return failedTurn("MODEL_TIMEOUT", `Claude Code heard nothing of the model for ${config.silenceTimeoutSeconds} s.`);
  if (over.startError) return failedTurn("BACKEND_NOT_INSTALLED", `${config.command} cannot be started: ${over.startError.message}.`);
  const how = over.exitCode === null ? `was ended by ${over.exitSignal}` : `ended with ${over.exitCode}`;
  const details = { exitCode: over.exitCode, signal: over.exitSignal, stderr: stderrTail };
  return failedTurn(reader.isGarbled ? "BACKEND_OUTPUT_INVALID" : "BACKEND_FAILED", `Claude Code ${how} without a result.`, details);
}

function notice(turn: ClaudeTurn, text: string): void {
  turn.emit({ kind: "notice", data: { level: "warning", text } });
}
