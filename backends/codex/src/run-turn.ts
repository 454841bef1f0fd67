import { access, constants } from "node:fs/promises";
import type { ModelAccess, TurnContext } from "@slipway/backend-sdk/backend";
import { abortedTurn, failedTurn, failedTurnOf } from "@slipway/backend-sdk/turn-result";
import type { TurnResult } from "@slipway/protocol/runner-protocol";
import { CodexServer, residents } from "./app-server/codex-server.ts";
import { codexHomeIn, jobEnvironment, type Launch, launchOf } from "./app-server/launch.ts";
import { prepareCodexHome } from "./codex-home.ts";
import { CodexTurn } from "./codex-turn.ts";
import type { CodexConfig } from "./config.ts";
import { findCodex } from "./executable.ts";
import { INSTALL_COMMAND } from "./release.ts";
import { threadParameters, turnPermissions } from "./thread-settings.ts";

/** One turn: in the process that the turn before left, in one that was started ahead, else in a new one that goes on with the conversation. */
export async function runTurn(turn: TurnContext<CodexConfig>): Promise<TurnResult> {
  const { config, home, model, signal } = turn;
  if (signal.aborted) return abortedTurn(signal);
  if (!model) return failedTurn("GATEWAY_UNAVAILABLE", "Codex needs a model, and this turn was given no way to one.");
  const program = await findCodex(config.command, turn.env["PATH"]);
  if (program === undefined) {
    const remedy = config.command === "codex" ? INSTALL_COMMAND : "Correct `command` in backendConfig.";
    return failedTurn("BACKEND_NOT_INSTALLED", `There is no program ${config.command} for the agent.`, { command: config.command, remedy });
  }
  try {
    const launch = await launchOf(program, home, turn.env);
    const codexTurn = await codexTurnOf(turn, model);
    const waiting = await takeWaiting(turn, launch, codexTurn.fingerprint);
    const result = waiting && (await codexTurn.play(waiting, { mayBeGone: true }));
    if (result) return result;
    await prepareCodexHome(codexHomeIn(home));
    return (await codexTurn.play(new CodexServer(launch), { mayBeGone: false })) ?? failedTurn("BACKEND_FAILED", "Codex ended before its turn began.");
  } catch (error) {
    return signal.aborted ? abortedTurn(signal) : failedTurnOf(error);
  }
}

async function codexTurnOf(turn: TurnContext<CodexConfig>, model: ModelAccess): Promise<CodexTurn> {
  const { config, workspace, mcpServers = [] } = turn;
  const ownSandbox = turn.readOnly && (await canWrite(workspace)) ? "read-only" : config.ownSandbox;
  const thread = threadParameters({ config, workspace, model, mcpServers, variables: jobEnvironment(turn.env) });
  return new CodexTurn(turn, thread, turnPermissions(ownSandbox, turn.permissions ?? "allow"));
}

/** Where a mount keeps the agent from it, Codex's own sandbox has nothing to add, and could not be made inside of another. */
async function canWrite(folder: string): Promise<boolean> {
  return await access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );
}

/** A process that can take the turn; those that cannot are ended. */
async function takeWaiting({ home, turn }: TurnContext<CodexConfig>, launch: Launch, thread: string): Promise<CodexServer | undefined> {
  const before = residents.take(home);
  const ahead = residents.takeAhead();
  const fits = (server: CodexServer): boolean => server.fingerprint === launch.fingerprint && (server.thread?.fingerprint ?? thread) === thread;
  const chosen = [turn > 1 ? before : undefined, ahead].find((server) => server !== undefined && fits(server));
  for (const server of [before, ahead]) if (server !== chosen) await server?.end();
  if (chosen?.thread) await prepareCodexHome(codexHomeIn(home), { isAtWork: true });
  return chosen;
}
