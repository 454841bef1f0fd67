import { existsSync } from "node:fs";
import { z } from "zod";
import { readJson, writeJson } from "./durable-file.ts";
import { mountsKey } from "./warm.ts";

const mountsSchema = z.object({ repositories: z.array(z.object({ id: z.string(), readOnly: z.array(z.string()) })) });
/** Repositories that are remembered, newest first. */
const REMEMBERED = 64;

/** The read-only mounts that the last job of each repository had: what the next one will most likely need. Kept on disk, so that a restarted worker warms up. */
export class WarmMounts {
  readonly #path: string;
  #repositories: Array<{ id: string; readOnly: string[] }>;

  private constructor(path: string, repositories: Array<{ id: string; readOnly: string[] }>) {
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
  get newest(): readonly string[] | undefined {
    return this.#repositories[0]?.readOnly;
  }

  async remember(repositoryId: string, readOnly: readonly string[]): Promise<void> {
    const [newest] = this.#repositories;
    const same = newest?.id === repositoryId && mountsKey(newest.readOnly) === mountsKey(readOnly);
    if (same) return;
    this.#repositories = [{ id: repositoryId, readOnly: [...readOnly] }, ...this.#repositories.filter(({ id }) => id !== repositoryId)].slice(0, REMEMBERED);
    await writeJson(this.#path, { repositories: this.#repositories });
  }
}
