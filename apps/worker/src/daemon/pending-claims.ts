import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { JOB_KINDS, type JobKind } from "@slipway/protocol/job";
import { idSchema, newId } from "@slipway/protocol/scalars";
import { z } from "zod";
import { readJson, writeJson } from "./durable-file.ts";

const pendingSchema = z.object({ claimId: idSchema, kind: z.enum(JOB_KINDS) });

/**
 * Claim ids on disk from before their request is sent until the attempt's own state is: a lost answer, or a worker killed in between, reads the
 * same claim again instead of leaving a job leased to nobody. An id whose request claimed nothing is used for the next request.
 */
export class PendingClaims {
  readonly #folder: string;
  readonly #left: Map<JobKind, string[]>;

  private constructor(folder: string, left: Map<JobKind, string[]>) {
    this.#folder = folder;
    this.#left = left;
  }

  /** Reads what an earlier process has left. */
  static async open(folder: string): Promise<PendingClaims> {
    const left = new Map<JobKind, string[]>(JOB_KINDS.map((kind) => [kind, []]));
    for (const name of await readdir(folder)) {
      const pending = name.endsWith(".json") ? await readJson(join(folder, name), pendingSchema) : undefined;
      if (pending) left.get(pending.kind)?.push(pending.claimId);
      else await rm(join(folder, name), { force: true });
    }
    return new PendingClaims(folder, left);
  }

  /** An id for the next request: one that was left, else a new one, which is on disk when this resolves. */
  async take(kind: JobKind): Promise<string> {
    const left = this.#left.get(kind)?.shift();
    if (left !== undefined) return left;
    const claimId = newId();
    await writeJson(join(this.#folder, `${claimId}.json`), { claimId, kind });
    return claimId;
  }

  /** Ids of a kind that an earlier process left and nobody has taken yet. */
  leftOver(kind: JobKind): number {
    return this.#left.get(kind)?.length ?? 0;
  }

  /** The claim is taken up: the attempt's state is on disk, or it is not ours. */
  async settle(claimId: string): Promise<void> {
    await rm(join(this.#folder, `${claimId}.json`), { force: true });
  }
}
