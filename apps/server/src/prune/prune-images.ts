import type { ControlPlane } from "../control-plane.ts";

/** Removes images that no job has whose artifacts are kept, and what a killed server left half-written. Answers how many files it were. */
export async function pruneImages({ store, jobImages }: Pick<ControlPlane, "store" | "jobImages">, signal: AbortSignal): Promise<number> {
  return await jobImages.removeUnused(async (digests) => await store.usedImages(digests), signal);
}
