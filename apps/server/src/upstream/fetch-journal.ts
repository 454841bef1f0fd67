import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Tip } from "@slipway/git/upstream";
import { oidSchema } from "@slipway/protocol/scalars";
import { z } from "zod";
import { writeWhole } from "../data-folder.ts";

const tipsSchema = z.array(z.object({ branch: z.string(), oid: oidSchema }));

/**
 * What was known of an address before a fetch, in a file beside the stores, until somebody has looked at what the fetch brought: the fetch itself
 * overwrites it, and a rewritten history would go unnoticed where the server is killed between the two.
 */
export class FetchJournal {
  readonly #file: string;

  constructor(root: string) {
    this.#file = join(root, "upstream-before-fetch.json");
  }

  /** Begins a fetch. Answers what was there before the first fetch that nobody has looked at. */
  async begin(tips: readonly Tip[]): Promise<readonly Tip[]> {
    const left = await this.#read();
    if (left) return left;
    await writeWhole(this.#file, `${JSON.stringify(tips)}\n`);
    return tips;
  }

  /** What the fetch brought was looked at. */
  async end(): Promise<void> {
    await rm(this.#file, { force: true });
  }

  async #read(): Promise<Tip[] | undefined> {
    try {
      return tipsSchema.parse(JSON.parse(await readFile(this.#file, "utf8")));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }
}
