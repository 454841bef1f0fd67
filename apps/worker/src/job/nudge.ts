import { SlipwayError } from "@slipway/protocol/errors";
import type { AttemptContext } from "../attempt/context.ts";
import type { Deadline } from "./deadline.ts";
import type { Turn } from "./turn.ts";
import { turnKey } from "./turn-key.ts";

/** Of the journal's step that holds which turn of the attempt was followed by a nudge: there is one at most. */
const NUDGED = "nudged";

/**
 * Has a turn, and where it stalls tells so and has one further turn of the same session, that asks the agent to go on. AGENT_STALLED where that stalls too,
 * where the attempt had its nudge before, or where there is no time left for one.
 */
export async function orNudge(
  context: AttemptContext,
  turn: Turn,
  deadline: Deadline,
  converse: (key: string, number: number, asked: Turn) => Promise<string>,
): Promise<string> {
  const { journal } = context;
  const key = turnKey(turn.turn);
  const before = await nudgedTurn(context);
  // A nudge of an earlier turn was a turn too: the numbers go on behind it.
  const number = turn.turn + (before !== undefined && before < turn.turn ? 1 : 0);
  try {
    return await converse(key, number, turn);
  } catch (error) {
    if (!isStalled(context, error)) throw error;
    const { nudge } = turn;
    const isMine = before === turn.turn;
    if (!nudge || (before !== undefined && !isMine) || (!isMine && !deadline.hasTimeForTurn())) {
      await tell(context, key, { turn: number, next: "give-up" }, error);
      throw error;
    }
    await journal.step(NUDGED, async () => turn.turn);
    await tell(context, key, { turn: number, next: "nudge" }, error);
    const { text, used } = nudge(silenceText(context.claim.job.stallMs));
    const nudgeKey = `${key}-nudge`;
    try {
      return await converse(nudgeKey, number + 1, { ...turn, reason: "nudge", prompt: text, templates: [used] });
    } catch (again) {
      if (isStalled(context, again)) await tell(context, nudgeKey, { turn: number + 1, next: "give-up" }, again);
      throw again;
    }
  }
}

async function nudgedTurn({ journal }: AttemptContext): Promise<number | undefined> {
  return journal.has(NUDGED) ? await journal.step<number>(NUDGED, () => Promise.reject(new SlipwayError("INTERNAL"))) : undefined;
}

function isStalled({ signal }: AttemptContext, error: unknown): error is SlipwayError {
  return !signal.aborted && error instanceof SlipwayError && error.code === "AGENT_STALLED";
}

async function tell(
  context: AttemptContext,
  key: string,
  { turn, next }: { turn: number; next: "nudge" | "give-up" },
  { details }: SlipwayError,
): Promise<void> {
  const data = { turn, next, silentMs: context.claim.job.stallMs, cpuSeen: details["cpuSeen"] === true };
  await context.events.emitOnce(`${key}:stalled`, { kind: "stalled", data });
}

/** For the agent, such as `5 minutes`. */
function silenceText(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1_000));
  if (seconds < 120) return seconds === 1 ? "a second" : `${seconds} seconds`;
  return `${Math.round(seconds / 60)} minutes`;
}
