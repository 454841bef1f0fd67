import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { ignoreMissing } from "../bare-store.ts";

const baseSchema = z.object({
  id: z.string(),
  /** The git tree that it shows. */
  tree: z.string(),
  /** Folder of the stores that it was made from. */
  repository: z.string(),
  /** The base that its layer lies on; null where its layer has all files. */
  parent: z.string().nullable(),
  /** How many layers it has below its own. */
  depth: z.int(),
  files: z.int(),
  /** On the disk, of its own layer and index. */
  bytes: z.int(),
  /** Whose the files are. */
  uid: z.int(),
  /** Of the boot that it was made in: after a power cut one that was not synced may be broken. */
  bootId: z.string(),
  isSynced: z.boolean(),
});

/**
 * A read-only checkout of one git tree and its index, shared by all workspaces that start from it. On disk `<id>/`: `base.json`, `tree/`, its layer, and
 * `git/.git/index`, a layer with nothing but the index.
 */
export type Base = z.infer<typeof baseSchema>;

/** What lies where in the folder of a base. */
export interface BasePaths {
  readonly root: string;
  readonly facts: string;
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
    facts: join(root, "base.json"),
    tree: join(root, "tree"),
    git: join(root, "git"),
    index: join(root, "git/.git/index"),
    view: join(root, "view"),
    work: join(root, "work"),
  };
}

/** Undefined where there is none, or none that can be read: such a base is not used. */
export async function readBase(root: string): Promise<Base | undefined> {
  const text = await readFile(pathsAt(root).facts, "utf8").catch(ignoreMissing);
  if (text === undefined) return undefined;
  try {
    return baseSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

export async function writeBase(root: string, base: Base): Promise<void> {
  await writeFile(pathsAt(root).facts, JSON.stringify(base), { mode: 0o600 });
}

/** How many entries an index has (gitformat-index(5): signature, version, count). */
export function entriesOf(index: Buffer): number {
  return index.readUInt32BE(8);
}
