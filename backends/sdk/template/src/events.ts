import { z } from "zod";

/** What the agent prints, a line an event. Strict about what the turn hangs on, and silent about what it does not know. */
const eventSchema = z.discriminatedUnion("type", [
  // An id that goes back on a command line: it must not look like an option.
  z.object({ type: z.literal("session"), id: z.string().regex(/^[\w][\w-]{0,100}$/) }),
  z.object({ type: z.literal("message"), text: z.string() }),
  z.object({ type: z.literal("tool_call"), id: z.string(), name: z.string(), input: z.unknown() }),
  z.object({ type: z.literal("tool_result"), id: z.string(), output: z.string(), error: z.boolean().default(false) }),
  z.object({ type: z.literal("usage"), input: z.int().nonnegative(), output: z.int().nonnegative() }),
  z.object({ type: z.literal("done"), text: z.string() }),
  z.object({ type: z.literal("error"), message: z.string() }),
]);
export type TinyEvent = z.output<typeof eventSchema>;

/** The event in a line; undefined where there is none that this backend knows. */
export function parseEvent(line: string): TinyEvent | undefined {
  try {
    return eventSchema.safeParse(JSON.parse(line)).data;
  } catch {
    // A word on the way, or half a line: the log has it.
    return undefined;
  }
}
