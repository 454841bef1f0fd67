import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { CassetteCall } from "@slipway/protocol/cassette";
import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import type { AnswerEnding } from "../answer/vendor-answer.ts";
import { sendError } from "../http/gateway-error.ts";
import type { VendorProtocol } from "../protocols/protocol.ts";
import type { Tape, TapeRequest } from "./tape.ts";

const NO_TOKENS = { inputTokens: 0, cachedInputTokens: 0, cacheWriteTokens: 0, outputTokens: 0, reasoningTokens: 0 };

export interface Playing {
  readonly tape: () => Promise<Tape>;
  readonly asked: TapeRequest;
  readonly protocol: VendorProtocol;
  readonly response: ServerResponse;
  readonly gone: AbortSignal;
  /** As for an answer of a vendor: called once, before the agent can know how the call ended. */
  readonly settle: (ending: AnswerEnding) => Promise<void>;
}

/** Answers a call from a tape, event by event as it was streamed, without its pauses. What does not match is settled as a failure, then told to the agent. */
export async function playCall({ tape, asked, protocol, response, gone, settle }: Playing): Promise<void> {
  let call: CassetteCall;
  try {
    call = (await tape()).take(asked);
  } catch (error) {
    const mismatch = toSlipwayError(error);
    const failure = { code: mismatch.code, message: mismatch.message, details: { ...mismatch.details } };
    await settle({ outcome: "failed", status: null, tokens: NO_TOKENS, tier: undefined, failure, retryAfterMs: undefined, firstByteAt: null });
    return sendError(response, mismatch, protocol);
  }
  const { outcome, answer, failure, usage } = call;
  const ending: AnswerEnding = {
    outcome,
    status: answer?.status ?? null,
    tokens: { ...NO_TOKENS, ...usage },
    tier: undefined,
    failure,
    retryAfterMs: undefined,
    firstByteAt: answer ? performance.now() : null,
  };
  const settled = settle(ending);
  // As when it was recorded: who fails by it finds the cause at the server.
  if (failure) await settled;
  if (answer) await write(response, answer, gone);
  else if (failure) sendError(response, new SlipwayError(failure.code, failure.message, failure.details), protocol);
  else response.destroy();
  await settled;
}

async function write(response: ServerResponse, { status, headers, frames, complete }: NonNullable<CassetteCall["answer"]>, gone: AbortSignal): Promise<void> {
  response.writeHead(status, headers);
  for (const frame of frames) {
    if (gone.aborted || response.destroyed) return;
    if (!response.write(frame)) await once(response, "drain", { signal: gone }).catch(() => undefined); // The agent is gone: seen above.
  }
  if (complete) response.end();
  else response.destroy();
}
