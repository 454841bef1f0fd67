import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { bootId } from "@slipway/process/boot-id";
import { claimSchema } from "@slipway/protocol/worker-api";
import { z } from "zod";
import { readJson, writeJson } from "../daemon/durable-file.ts";

/**
 * What must be known to take an attempt up again, in `attempts/<job>-<fence>/state.json` (0600). The hub's credential and the gateway's token are in
 * the claim: they are good for this attempt only, for as long as the lease lives, and asking for others could claim another job.
 */
const stateSchema = z.object({
  claim: claimSchema,
  /** Id of the place, `sandboxes/<id>/`, that is reserved for it. */
  placeId: z.string(),
  /** `kept`: the home is `homes/<job>`; `fresh`: it lies in the place. */
  home: z.enum(["kept", "fresh"]),
  /** First of its turns' ports; missing where an older worker began it. */
  turnPort: z.int().positive().optional(),
  /** Of the boot that it was begun in: after another one its sandbox is gone, and of its events perhaps the last. */
  bootId: z.string(),
});
export type AttemptState = z.infer<typeof stateSchema>;

/** Of the boot that this process runs in. */
export const BOOT_ID = bootId();

/** The attempt's own folder. */
export function attemptFolder(attempts: string, jobId: string, fence: number): string {
  return join(attempts, `${jobId}-${fence}`);
}

export async function writeAttemptState(root: string, state: AttemptState): Promise<void> {
  await writeJson(join(root, "state.json"), state);
}

/** All attempt folders, each with its state; undefined where the worker died before that was written. */
export async function readAttempts(attempts: string): Promise<Array<{ root: string; state: AttemptState | undefined }>> {
  const names = await readdir(attempts);
  return await Promise.all(
    names.map(async (name) => {
      const root = join(attempts, name);
      const state = await readJson(join(root, "state.json"), stateSchema);
      return { root, state };
    }),
  );
}
