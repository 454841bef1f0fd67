import { unlinkSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";
import type { JobImage } from "@slipway/protocol/job-images";
import { sha256Schema } from "@slipway/protocol/scalars";
import { writeWhole } from "../data-folder.ts";

/** How many digests are asked for at once. */
const BATCH = 500;
const DIGEST_CHARACTERS = 64;

/** Images of jobs as files, each named by its digest and there once, however many jobs have it. Which jobs those are is the store's to know. */
export class JobImageFolder {
  readonly #root: string;
  /** By digest, how many submissions are about to name it: until their rows are written nothing else says that it is needed. */
  readonly #held = new Map<string, number>();
  /** While unused ones are removed: those that were named meanwhile, and may be used by now. */
  #named: Set<string> | undefined;

  constructor(root: string) {
    this.#root = root;
  }

  /**
   * Does `work`, which names these images in the store, when all of them are durably there: kept already, or of `contents`, by their digests.
   * JOB_IMAGE_MISSING where one is neither.
   */
  async keep<T>(images: readonly JobImage[], contents: ReadonlyMap<string, Uint8Array>, work: () => Promise<T>): Promise<T> {
    for (const { sha256 } of images) {
      this.#held.set(sha256, (this.#held.get(sha256) ?? 0) + 1);
      this.#named?.add(sha256);
    }
    try {
      for (const image of images) await this.#require(image, contents.get(image.sha256));
      return await work();
    } finally {
      for (const { sha256 } of images) {
        const left = (this.#held.get(sha256) ?? 1) - 1;
        if (left > 0) this.#held.set(sha256, left);
        else this.#held.delete(sha256);
      }
    }
  }

  /** The bytes, or JOB_IMAGE_MISSING. */
  async read(image: JobImage): Promise<Buffer> {
    try {
      return await readFile(this.#path(image.sha256));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      throw missing(image, error);
    }
  }

  /** Removes those that no job has; `usedOf` says which of some digests are used. Answers how many it were. */
  async removeUnused(usedOf: (digests: readonly string[]) => Promise<readonly string[]>, signal: AbortSignal): Promise<number> {
    let removed = 0;
    const names = await readdir(this.#root);
    for (let from = 0; from < names.length && !signal.aborted; from += BATCH) {
      // What a killed server left half-written has its digest in front.
      const files = names.slice(from, from + BATCH).map((name) => ({ name, digest: name.slice(0, DIGEST_CHARACTERS) }));
      const named = new Set(this.#held.keys());
      this.#named = named;
      const used = new Set(await usedOf(files.map(({ digest }) => digest)));
      for (const { name, digest } of files) {
        if (named.has(digest) || (used.has(digest) && name === digest)) continue;
        // At once: between the look and the removal no submission can come and find it.
        unlinkSync(join(this.#root, name));
        removed += 1;
      }
      this.#named = undefined;
    }
    return removed;
  }

  async #require(image: JobImage, content: Uint8Array | undefined): Promise<void> {
    const path = this.#path(image.sha256);
    const size = await stat(path).then(
      ({ size: bytes }) => bytes,
      (error: NodeJS.ErrnoException) => {
        if (error.code !== "ENOENT") throw error;
        return undefined;
      },
    );
    if (size === image.bytes) return;
    if (!content) throw missing(image);
    await writeWhole(path, content);
  }

  #path(digest: string): string {
    return join(this.#root, sha256Schema.parse(digest));
  }
}

function missing({ name, sha256 }: JobImage, cause?: unknown): SlipwayError {
  return new SlipwayError("JOB_IMAGE_MISSING", `The image ${name} is not kept any more.`, { image: name, sha256 }, cause === undefined ? {} : { cause });
}
