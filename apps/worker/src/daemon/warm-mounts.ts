import { existsSync } from "node:fs";
import { z } from "zod";
import { readJson, writeJson } from "./durable-file.ts";
import { shapeKey } from "./warm-shape.ts";

const repositorySchema = z.object({
  id: z.string(),
  readOnly: z.array(z.string()),
  /** Of the last job: its image is looked for anew, as there may be another one today. */
  backend: z.string().optional(),
});
const mountsSchema = z.object({ repositories: z.array(repositorySchema) });
type Remembered = z.infer<typeof repositorySchema>;
/** Repositories that are remembered, newest first. */
const REMEMBERED = 64;

/** The read-only mounts that the last job of each repository had: what the next one will most likely need. Kept on disk, so that a restarted worker warms up. */
export class WarmMounts {
  readonly #path: string;
  #repositories: Remembered[];

  private constructor(path: string, repositories: Remembered[]) {
    this.#path = path;
    this.#repositories = repositories;
  }

  static async open(path: string): Promise<WarmMounts> {
    const known = await readJson(path, mountsSchema);
    // A folder that is gone would only make every start fail.
    return new WarmMounts(
      path,
      (known?.repositories ?? []).filter(({ readOnly }) => readOnly.every((folder) => existsSync(folder))),
    );
  }

  of(repositoryId: string): readonly string[] | undefined {
    return this.#repositories.find(({ id }) => id === repositoryId)?.readOnly;
  }

  /** Those of the repository that was used last. */
  get newest(): { readonly readOnly: readonly string[]; readonly backend?: string | undefined } | undefined {
    return this.#repositories[0];
  }

  async remember(repositoryId: string, backend: string, readOnly: readonly string[]): Promise<void> {
    const [newest] = this.#repositories;
    const same = newest?.id === repositoryId && newest.backend === backend && shapeKey(newest) === shapeKey({ readOnly });
    if (same) return;
    const others = this.#repositories.filter(({ id }) => id !== repositoryId);
    this.#repositories = [{ id: repositoryId, readOnly: [...readOnly], backend }, ...others].slice(0, REMEMBERED);
    await writeJson(this.#path, { repositories: this.#repositories });
  }
}
