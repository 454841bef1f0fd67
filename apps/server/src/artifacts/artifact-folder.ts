import { constants } from "node:fs";
import { open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";
import { z } from "zod";
import { makePrivateFolder, writeWhole } from "../data-folder.ts";

/** Names of artifacts: no separators and no leading dot, so that a name is always one file in the attempt's own folder. */
export const artifactNameSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/, "expected letters, digits and . _ : -, at most 128, the first a letter or digit");

/** Artifacts as files: `<jobId>/<fence>/<name>`. The rows that say which count are the store's. */
export class ArtifactFolder {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** Stores an artifact durably; the same name again replaces it in one step. */
  async write(jobId: string, fence: number, name: string, bytes: Uint8Array): Promise<void> {
    const path = this.#path(jobId, fence, name);
    await makePrivateFolder(join(path, ".."));
    await writeWhole(path, bytes);
  }

  /** Writes into an artifact that grows, durably; what stood from there on is replaced. */
  async writeFrom(jobId: string, fence: number, name: string, from: number, bytes: Uint8Array): Promise<void> {
    const path = this.#path(jobId, fence, name);
    await makePrivateFolder(join(path, ".."));
    const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      await file.truncate(from);
      await file.write(bytes, 0, bytes.byteLength, from);
      await file.datasync();
    } finally {
      await file.close();
    }
  }

  /** The bytes, or NOT_FOUND. */
  async read(jobId: string, fence: number, name: string): Promise<Buffer> {
    try {
      return await readFile(this.#path(jobId, fence, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      throw new SlipwayError("NOT_FOUND", "The artifact's file is no longer there.", { name }, { cause: error });
    }
  }

  /** Removes all artifacts of a job; where there are none, nothing happens. */
  async removeAll(jobId: string): Promise<void> {
    await rm(join(this.#root, z.uuid().parse(jobId)), { recursive: true, force: true });
  }

  #path(jobId: string, fence: number, name: string): string {
    // Checked at the door already; here again, because this is where a wrong name would do harm.
    return join(this.#root, z.uuid().parse(jobId), String(z.int().positive().parse(fence)), artifactNameSchema.parse(name));
  }
}
