import { join } from "node:path";
import { AgentProcess } from "@slipway/backend-sdk/agent-process";
import type { TurnContext } from "@slipway/backend-sdk/backend";
import { type FailureWords, failureCodeOf } from "@slipway/backend-sdk/failure-code";
import { LineSplitter } from "@slipway/backend-sdk/line-splitter";
import { SessionFile } from "@slipway/backend-sdk/session-file";
import { abortedTurn, failedTurn } from "@slipway/backend-sdk/turn-result";
import type { AgentEvent } from "@slipway/protocol/events";
import type { TurnResult } from "@slipway/protocol/runner-protocol";
import { z } from "zod";
import type { Config } from "./config.ts";
import { parseEvent, type TinyEvent } from "./events.ts";
import { findAgent } from "./program.ts";

const LINE_LIMIT_BYTES = 4 * 1024 * 1024;

/** The agent's own words for a failure, and the code that they stand for: what is done about it follows from the code. */
const WORDS: FailureWords = [
  [/\b401\b|bad key/i, "BACKEND_AUTH"],
  [/\b429\b|rate limit/i, "BACKEND_RATE_LIMITED"],
];

const sessionFile = new SessionFile("example", z.object({ id: z.string().regex(/^[\w][\w-]{0,100}$/) }));

/** One turn: one process of the agent, which goes on with the session of the turn before. */
export async function runTurn(turn: TurnContext<Config>): Promise<TurnResult> {
  const { config, home, signal, emit, log } = turn;
  if (signal.aborted) return abortedTurn(signal);
  const program = await findAgent(config.command, turn.env["PATH"]);
  if (!program) return failedTurn("BACKEND_NOT_INSTALLED", `There is no program ${config.command} for the agent.`, { command: config.command });
  const session = turn.turn > 1 ? await sessionFile.read(home) : undefined;
  if (turn.turn > 1 && !session) emit({ kind: "notice", data: { level: "warning", text: "The session of the earlier turns is lost; a new one begins." } });

  let final: Extract<TinyEvent, { type: "done" | "error" }> | undefined;
  let sessionId: string | undefined;
  const take = (line: string): void => {
    const event = parseEvent(line);
    if (event?.type === "session") sessionId = event.id;
    else if (event?.type === "done" || event?.type === "error") final ??= event;
    else if (event) emit(toAgentEvent(event));
    else log("stdout", Buffer.from(`${line}\n`));
  };
  const lines = new LineSplitter(LINE_LIMIT_BYTES, take, () => log("stderr", Buffer.from("a line was too long and is left out\n")));
  const agent = new AgentProcess({
    program: program.file,
    args: [...program.args, "--session", join(home, "tiny-session.json"), ...(session ? ["--resume", session.id] : [])],
    cwd: turn.workspace,
    env: turn.env,
    input: turn.prompt,
    onStdout: (chunk) => lines.push(chunk),
    onStderr: (chunk) => log("stderr", chunk),
  });
  const abort = (): void => agent.interrupt();
  signal.addEventListener("abort", abort, { once: true });
  try {
    const { exitCode, startError } = await agent.ended;
    lines.end();
    if (sessionId !== undefined) await sessionFile.write(home, { id: sessionId });
    if (signal.aborted) return abortedTurn(signal);
    if (startError) return failedTurn("BACKEND_NOT_INSTALLED", `The agent cannot be started: ${startError.message}`);
    // The agent's own last word counts, and never the exit code alone.
    if (final?.type === "done") return { status: "done", finalText: final.text };
    if (final) return failedTurn(failureCodeOf(final.message, WORDS), `The agent said: ${final.message}`);
    return failedTurn("BACKEND_FAILED", `The agent ended with ${exitCode} and said nothing final.`);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** An event of the agent as one of Slipway's. */
function toAgentEvent(event: Exclude<TinyEvent, { type: "session" | "done" | "error" }>): AgentEvent {
  switch (event.type) {
    case "message":
      return { kind: "message", data: { role: "agent", text: event.text } };
    case "tool_call":
      return { kind: "tool-call", data: { callId: event.id, name: event.name, input: event.input } };
    case "tool_result":
      return { kind: "tool-result", data: { callId: event.id, output: event.output, isError: event.error } };
    case "usage":
      return { kind: "usage", data: { inputTokens: event.input, cachedInputTokens: 0, outputTokens: event.output, reasoningTokens: 0, costUsd: 0 } };
  }
}
