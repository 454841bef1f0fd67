import { setTimeout as delay } from "node:timers/promises";
import { SlipwayError } from "@slipway/protocol/errors";
import type { StepContext, StepSummary } from "./step-context.ts";
import type { StepInput } from "./step-schemas.ts";

/** Waits for a message of a person to the agent; `{{message}}` is it from here on. */
export async function waitForMessage(input: StepInput<"waitForMessage">, context: StepContext): Promise<StepSummary> {
  const { signal } = context.turn;
  if (!context.messages) throw new SlipwayError("BACKEND_FAILED", "Nobody can send a message to this turn.");
  const stop = new AbortController();
  const limitMs = input === true ? undefined : input.timeoutMs;
  const ends = AbortSignal.any([signal, stop.signal]);
  // An endless one too keeps the process alive.
  const late = delay(limitMs ?? 86_400_000, undefined, { signal: ends }).then(() => {
    throw new SlipwayError("BACKEND_FAILED", `No message came within ${limitMs} ms.`, { limitMs });
  });
  try {
    const message = await Promise.race([context.messages.next(), late]);
    if (message.done) throw new SlipwayError("BACKEND_FAILED", "The turn takes no more messages.");
    context.setMessage(message.value);
    return message.value;
  } finally {
    stop.abort();
    // Ended by the line above.
    late.catch(() => undefined);
  }
}
