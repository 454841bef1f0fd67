import type { TurnContext } from "@slipway/backend-sdk/backend";
import { abortedTurn, failedTurn, failedTurnOf } from "@slipway/backend-sdk/turn-result";
import { toSlipwayError } from "@slipway/protocol/errors";
import type { AgentEvent } from "@slipway/protocol/events";
import type { TurnResult } from "@slipway/protocol/runner-protocol";
import { type Script, stepsOfTurn } from "./script.ts";
import { runStep } from "./steps/run-step.ts";
import type { StepContext } from "./steps/step-context.ts";
import type { Step } from "./steps/step-schemas.ts";

/** Steps that show as tool calls: those that do something in the world. */
const ACTIONS: ReadonlySet<Step["name"]> = new Set([
  "write",
  "append",
  "delete",
  "patch",
  "readPrompt",
  "shell",
  "daemon",
  "waitFor",
  "waitForMessage",
  "signalFile",
]);

/** Runs the steps of one turn in order, until one fails or the turn is aborted. */
export async function runTurn(turn: TurnContext<{ script: Script }>): Promise<TurnResult> {
  const steps = stepsOfTurn(turn.config.script, turn.turn);
  const { context, lastMessage } = openContext(turn);
  for (const [index, step] of steps.entries()) {
    if (turn.signal.aborted) return abortedTurn(turn.signal);
    try {
      await runShown(step, index, context);
    } catch (error) {
      if (turn.signal.aborted) return abortedTurn(turn.signal);
      if (step.name === "fail") return failedTurnOf(error);
      const { code, message, details } = toSlipwayError(error, "BACKEND_FAILED");
      return failedTurn(code, `Turn ${turn.turn}, step ${index + 1} (${step.name}): ${message}`, { turn: turn.turn, step: index + 1, ...details });
    }
  }
  if (turn.signal.aborted) return abortedTurn(turn.signal);
  return { status: "done", finalText: lastMessage() ?? `Turn ${turn.turn}: ${steps.length} steps done.` };
}

async function runShown(step: Step, index: number, context: StepContext): Promise<void> {
  if (!ACTIONS.has(step.name)) {
    await runStep(step, context);
    return;
  }
  const callId = `turn-${context.turn.turn}-step-${index + 1}`;
  context.say({ kind: "tool-call", data: { callId, name: step.name, input: shown(step) } });
  try {
    const output = (await runStep(step, context)) ?? "";
    context.say({ kind: "tool-result", data: { callId, output, isError: false } });
  } catch (error) {
    const output = error instanceof Error ? error.message : String(error);
    if (!context.turn.signal.aborted) context.say({ kind: "tool-result", data: { callId, output, isError: true } });
    throw error;
  }
}

/** A step's input for the history, with long texts cut. */
function shown(step: Step): unknown {
  return JSON.parse(JSON.stringify(step.input), (_, value) => (typeof value === "string" && value.length > 2_000 ? `${value.slice(0, 2_000)}…` : value));
}

function openContext(turn: TurnContext): { context: StepContext; lastMessage: () => string | undefined } {
  let quiet = false;
  let message = "";
  let last: string | undefined;
  const context: StepContext = {
    turn,
    say(event: AgentEvent) {
      if (event.kind === "message" && event.data.role === "agent") last = event.data.text;
      if (!quiet) turn.emit(event);
    },
    setSilent(silent) {
      quiet = silent;
    },
    messages: turn.steering?.[Symbol.asyncIterator](),
    setMessage(text) {
      message = text;
    },
    fill(text) {
      const values: Record<string, string> = { prompt: turn.prompt, turn: String(turn.turn), message };
      return text.replace(/\{\{(prompt|turn|message)\}\}/g, (_, name: string) => values[name] ?? "");
    },
  };
  return { context, lastMessage: () => last };
}
