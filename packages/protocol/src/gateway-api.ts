import { z } from "zod";
import { cassetteModeSchema } from "./cassette.ts";
import { MODEL_CALL_OUTCOMES, usageSchema } from "./events.ts";
import { failureSchema } from "./job.ts";
import { fenceSchema, idSchema, nameSchema } from "./scalars.ts";

/**
 * Messages between a gateway and the server. Before a gateway forwards a model call it reserves what the call may cost at most; when the call is over it
 * settles what it did cost. Both carry the call's id, made by the gateway, and the same message again changes nothing. A call that nobody settles is charged
 * its reservation: when its gateway registers anew, or a while after its attempt has ended.
 *
 * With a reservation the gateway may ask for one *ahead*, for the next call of the same attempt. A call that fits into it needs no answer before it is
 * forwarded: the gateway reserves it under the id of the one ahead while it forwards. One that was never begun is charged nothing.
 */

/** What a gateway says when it starts, after it has settled what an earlier process of it left on disk. */
export const registerGatewaySchema = z.strictObject({
  /** Kept by the gateway across restarts. */
  gatewayId: idSchema,
  /** New at every start: open calls of another epoch are of a process that is gone, and are charged their reservation. */
  epoch: idSchema,
  version: z.string(),
});
/** The answer to a registration. */
export const registeredGatewaySchema = z.object({
  /** Calls of earlier epochs that were charged now. */
  charged: z.int().nonnegative(),
});

/** What is to be reserved ahead. It is had only where the budget has ample room. */
export const reserveAheadSchema = z.strictObject({
  /** Of the next call. */
  callId: idSchema,
  inputTokens: z.int().nonnegative(),
  outputTokens: z.int().nonnegative(),
  costUsd: z.number().nonnegative().nullable(),
});
/** A reservation that the next call of an attempt may take. */
export type ReserveAhead = z.infer<typeof reserveAheadSchema>;

/**
 * Asks for what a call may take at most. With the id of a reservation ahead it is that one's call, however much it takes; one that takes no more is never
 * refused for the budget. BUDGET_EXCEEDED where the budget has no room for it, UNAUTHENTICATED for an unknown token, LEASE_LOST where its
 * attempt is over.
 */
export const reserveCallSchema = z.strictObject({
  callId: idSchema,
  gatewayId: idSchema,
  epoch: idSchema,
  /** The attempt's token, as the agent sent it. */
  token: z.string().min(1).max(200),
  provider: nameSchema,
  model: z.string().min(1).max(200),
  /** At most what the request holds, and what may be answered. */
  inputTokens: z.int().nonnegative(),
  outputTokens: z.int().nonnegative(),
  /** What these cost at most; null where the model's price is not known. */
  costUsd: z.number().nonnegative().nullable(),
  ahead: reserveAheadSchema.optional(),
});
export type ReserveCall = z.infer<typeof reserveCallSchema>;
/** The attempt that pays for the call; `number` is its job's. */
export const reservedCallSchema = z.object({
  jobId: idSchema,
  number: z.int().positive(),
  fence: fenceSchema,
  /** There where a reservation ahead was asked for and made: a call may begin on it for this time, in ms, from when it was asked for. */
  aheadForMs: z.int().positive().optional(),
  /** There where the call is to be kept on a cassette, or answered from one; the one ahead is, too. */
  cassette: cassetteModeSchema.optional(),
});
export type ReservedCall = z.infer<typeof reservedCallSchema>;

/** Tells what a call took, once it is over; times in ms. NOT_FOUND where this gateway reserved no such call. */
export const settleCallSchema = z.strictObject({
  callId: idSchema,
  gatewayId: idSchema,
  /** `unused`: nothing was sent, and nothing will be; what was reserved is free again, and no event tells of it. */
  outcome: z.enum([...MODEL_CALL_OUTCOMES, "unused"]),
  /** HTTP status of the vendor's answer; null where there was none. */
  status: z.int().nullable(),
  /** What the vendor counted, with its cost; all zeros for a call that was refused. Null where it told nothing: the call is charged its reservation. */
  usage: usageSchema.nullable(),
  failure: failureSchema.nullable(),
  /** What the vendor asked for with a rate limit. */
  retryAfterMs: z.int().nonnegative().optional(),
  durationMs: z.number().nonnegative(),
  firstByteMs: z.number().nonnegative().nullable(),
});
export type SettleCall = z.infer<typeof settleCallSchema>;

/** What the server knows of an attempt's model calls. */
export const attemptModelSchema = z.object({
  /** Settled calls. */
  calls: z.int().nonnegative(),
  usage: usageSchema,
  /** Why the newest call did not succeed; null where it did, or where there was none. It says more than what an agent makes of it. */
  failure: failureSchema.nullable(),
  retryAfterMs: z.int().nonnegative().nullable(),
});
export type AttemptModel = z.infer<typeof attemptModelSchema>;
