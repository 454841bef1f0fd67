import { z } from "zod";

/** What `apps/worker` prints after it was started to clean up behind a worker that was killed, as one line of JSON. */
export const workerCleanSchema = z.object({
  /** Sandboxes whose processes were still there. */
  sandboxes: z.int().nonnegative(),
  /** Ids of the containers that carried this worker's label. */
  containers: z.array(z.string()),
  /** What was mounted at or below the worker's own folder. */
  mounts: z.array(z.string()),
  /** Attempts that can go on no longer: their jobs are tried again. */
  attempts: z.int().nonnegative(),
});
export type WorkerClean = z.infer<typeof workerCleanSchema>;
