import { answerWithin, engineError } from "@slipway/images/engine/engine";
import { SlipwayError } from "@slipway/protocol/errors";

/** No call that only asks or tells takes longer; a start on a machine under load does. */
const ANSWER_LIMIT_MS = 60_000;

/** What the engine answers, or SANDBOX_UNAVAILABLE with its own words; late where it does not answer at all. */
export async function ask<T>(what: string, answer: Promise<T>): Promise<T> {
  try {
    return await answerWithin(ANSWER_LIMIT_MS, answer);
  } catch (cause) {
    const { message, hint } = engineError(cause);
    throw new SlipwayError("SANDBOX_UNAVAILABLE", `${what[0]?.toUpperCase()}${what.slice(1)}: ${message}`, { hint }, { cause });
  }
}
