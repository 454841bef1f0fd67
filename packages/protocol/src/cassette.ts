import { z } from "zod";
import { MODEL_CALL_OUTCOMES, usageSchema } from "./events.ts";
import { failureSchema } from "./failure.ts";
import { fenceSchema, idSchema, nameSchema, timeSchema } from "./scalars.ts";

/** Name of the artifact that a recorded attempt has: a line of JSON for each model call, in the form of `cassetteCallSchema`, in the order in which they ended. */
export const CASSETTE_FILE = "cassette.jsonl";

/** Room of one cassette, and of one call on it, in bytes. */
export const CASSETTE_LIMIT_BYTES = 67_108_864;
/** What is larger is not kept, and its replay says so. */
export const CASSETTE_CALL_LIMIT_BYTES = 33_554_432;

/** One model call as it was recorded; secrets are masked in all of its texts. Times are in ms since 1970, by the gateway's clock. */
export const cassetteCallSchema = z.object({
  version: z.literal(1),
  callId: idSchema,
  provider: nameSchema,
  model: z.string().min(1).max(200),
  /** Path and query behind the provider's address, as the vendor was asked. */
  path: z.string().max(2_000),
  startedAt: timeSchema,
  /** When its answer was over: calls that began before that ran beside it, and may come in another order. */
  endedAt: timeSchema,
  /** The request's body as the agent sent it. */
  request: z.string(),
  /** What the agent got; null where there was no answer of a vendor. */
  answer: z
    .object({
      status: z.int(),
      headers: z.record(z.string(), z.string()),
      /** The body in pieces: of a stream, an event each. */
      frames: z.array(z.string()),
      /** False where it broke off. */
      complete: z.boolean(),
    })
    .nullable(),
  outcome: z.enum(MODEL_CALL_OUTCOMES),
  /** What the vendor counted, its cost left out; null where it told nothing. */
  usage: usageSchema.nullable(),
  failure: failureSchema.nullable(),
});
export type CassetteCall = z.infer<typeof cassetteCallSchema>;

/** Which attempt's cassette answers the model calls of a job. */
export const replaySchema = z.object({
  jobId: idSchema,
  /** Number of that job. */
  number: z.int().positive(),
  fence: fenceSchema,
});
export type Replay = z.infer<typeof replaySchema>;

/** What the gateway does with an attempt's calls besides: keep them, or answer them from a cassette. `calls`: of the attempt, settled so far. */
export const cassetteModeSchema = z.object({ mode: z.enum(["record", "replay"]), calls: z.int().nonnegative() });
export type CassetteMode = z.infer<typeof cassetteModeSchema>;

/** The cassette that answers an attempt's calls. */
export const cassetteSchema = z.object({ from: replaySchema, calls: z.array(cassetteCallSchema) });
export type Cassette = z.infer<typeof cassetteSchema>;
