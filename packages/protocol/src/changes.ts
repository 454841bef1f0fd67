import { z } from "zod";
import { idSchema } from "./scalars.ts";

/**
 * What changed in an installation, for pages that show it: which jobs, and which listings. A notice carries no state of its own; a reader asks again for
 * what it shows. Notices of the last moments are kept in memory, so that a reader that was cut off for a while misses none.
 */

/** Listings that a notice may name. `jobs` are named one by one. */
export const CHANGE_TOPICS = ["workers", "circuits", "trains", "repositories", "spending", "tokens"] as const;
export type ChangeTopic = (typeof CHANGE_TOPICS)[number];

/** How long changes are gathered before they are told, in ms. */
export const CHANGES_INTERVAL_MS = 100;
/** Jobs that one notice names at most; of more it says `many`. */
export const CHANGED_JOBS_LIMIT = 200;

/** WebSocket of the notices, for everyone who may read; `?cursor=` is that of the last frame which the reader has. */
export const CHANGES_PATH = "/v1/changes";

/**
 * A frame of the notices. `hello` comes first. With `resumed` true nothing was missed but what the frames behind it tell; else everything may have changed
 * since the reader was last there.
 */
export const changeFrameSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("hello"), cursor: z.string(), resumed: z.boolean() }),
  z.object({
    type: z.literal("changes"),
    cursor: z.string(),
    /** Jobs with a new state or new events; `many` where they are more than `CHANGED_JOBS_LIMIT`. */
    jobs: z.union([z.array(idSchema), z.literal("many")]),
    /** Those of `jobs` whose state is another one, or that are new. */
    states: z.union([z.array(idSchema), z.literal("many")]),
    topics: z.array(z.enum(CHANGE_TOPICS)),
  }),
]);
export type ChangeFrame = z.infer<typeof changeFrameSchema>;
