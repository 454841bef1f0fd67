import { existsSync } from "node:fs";
import { mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { idSchema } from "@slipway/protocol/scalars";
import { removeOwned } from "./remove-owned.ts";

/** The agents' homes, kept a folder a job until the job is final, so that a later attempt or revision goes on in the same session. */
export class Homes {
  readonly #folder: string;
  readonly #inUse = new Set<string>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The job's kept home, the caller's until `release`; undefined where there is none, or another attempt still uses it. */
  async take(jobId: string): Promise<string | undefined> {
    if (this.#inUse.has(jobId)) return undefined;
    this.#inUse.add(jobId);
    if ((await readdir(this.#folder)).includes(jobId)) return this.path(jobId);
    this.#inUse.delete(jobId);
    return undefined;
  }

  /** Takes it up again after a restart. */
  async retake(jobId: string): Promise<string> {
    this.#inUse.add(jobId);
    await mkdir(this.path(jobId), { recursive: true, mode: 0o700 });
    return this.path(jobId);
  }

  release(jobId: string): void {
    this.#inUse.delete(jobId);
  }

  /** Keeps a home that lay elsewhere, in place of an older one. Where another attempt uses the kept one, that one stays and this one is left. */
  async keep(jobId: string, from: string): Promise<void> {
    // Not there: it was kept already, before the worker was killed. What is kept must not be removed for it.
    if (this.#inUse.has(jobId) || !existsSync(from)) return;
    this.#inUse.add(jobId);
    try {
      await removeOwned(this.path(jobId), this.#folder);
      await rename(from, this.path(jobId));
    } finally {
      this.#inUse.delete(jobId);
    }
  }

  /** Removes the homes of jobs that are final. `isFinal` asks the server; where that fails, the home stays until the next sweep. */
  async sweep(isFinal: (jobId: string) => Promise<boolean>): Promise<void> {
    for (const jobId of await readdir(this.#folder)) {
      if (this.#inUse.has(jobId) || !idSchema.safeParse(jobId).success || !(await isFinal(jobId)) || this.#inUse.has(jobId)) continue;
      await this.remove(jobId);
    }
  }

  async remove(jobId: string): Promise<void> {
    this.#inUse.add(jobId);
    try {
      await removeOwned(this.path(jobId), this.#folder);
    } finally {
      this.#inUse.delete(jobId);
    }
  }

  path(jobId: string): string {
    return join(this.#folder, jobId);
  }
}
