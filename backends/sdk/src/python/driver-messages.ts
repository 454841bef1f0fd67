import { agentEventSchema } from "@slipway/protocol/events";
import { z } from "zod";

/** What a driver says of an error: an exception of its agent's library, or an ending that the library has a name for. */
export const driverErrorSchema = z.object({
  /** Name of the exception's class, or of the ending. */
  type: z.string().max(200),
  message: z.string(),
  /** What it came of, the nearest first, each with its type. */
  causes: z.array(z.string()).default([]),
  /** Status of the model's answer, where there was one. */
  httpStatus: z.int().optional(),
  /** The vendor's or the gateway's own code. */
  code: z.string().optional(),
});
export type DriverError = z.output<typeof driverErrorSchema>;

const resultSchema = z.discriminatedUnion("status", [
  z.object({ status: z.literal("done"), finalText: z.string() }),
  z.object({ status: z.literal("failed"), error: driverErrorSchema }),
]);
/** How a driver says that its turn ended. */
export type DriverResult = z.output<typeof resultSchema>;

/** Lines from a driver to its backend. The protocol stands at the top of `slipway_driver.py`. */
const driverMessageSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("ready"), version: z.string() }),
  z.object({ type: z.literal("unavailable"), message: z.string() }),
  z.object({ type: z.literal("warmed") }),
  z.object({ type: z.literal("begun") }),
  z.object({ type: z.literal("event"), event: agentEventSchema }),
  z.object({ type: z.literal("log"), stream: z.string().max(100), text: z.string() }),
  z.object({ type: z.literal("end"), result: resultSchema }),
]);
export type DriverMessage = z.output<typeof driverMessageSchema>;

/** A line as a message; undefined where it is none that is known. */
export function parseDriverMessage(line: string): DriverMessage | undefined {
  try {
    return driverMessageSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined; // no JSON
  }
}
