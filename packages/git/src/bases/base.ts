import { join } from "node:path";
import { z } from "zod";
import { shelvedSchema } from "./shelf.ts";

/** In the folder of a base. */
export const FACTS = "base.json";

export const baseSchema = shelvedSchema.extend({
  /** The git tree that it shows. */
  tree: z.string(),
  /** Folder of the stores that it was made from. */
  repository: z.string(),
  /** The base that its layer lies on; null where its layer has all files. */
  parent: z.string().nullable(),
  /** How many layers it has below its own. */
  depth: z.int(),
  files: z.int(),
});

/**
 * A read-only checkout of one git tree and its index, shared by all workspaces that start from it. On disk `<id>/`: `base.json`, `tree/`, its layer, and
 * `git/.git/index`, a layer with nothing but the index.
 */
export type Base = z.infer<typeof baseSchema>;

/** What lies where in the folder of a base. */
export interface BasePaths {
  readonly root: string;
  readonly tree: string;
  readonly git: string;
  readonly index: string;
  /** While a delta is made: where it is mounted, and what the mount needs. */
  readonly view: string;
  readonly work: string;
}

export function pathsAt(root: string): BasePaths {
  return {
    root,
    tree: join(root, "tree"),
    git: join(root, "git"),
    index: join(root, "git/.git/index"),
    view: join(root, "view"),
    work: join(root, "work"),
  };
}

/** How many entries an index has (gitformat-index(5): signature, version, count). */
export function entriesOf(index: Buffer): number {
  return index.readUInt32BE(8);
}
