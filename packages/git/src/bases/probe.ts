import { constants, copyFile, lstat, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";
import type { WorkspaceKind, WorkspaceSetting } from "@slipway/protocol/workspace-kind";
import { mountOverlay, mountsBelow, shareFolder, unmountBelow } from "./mounts.ts";

export interface ProbedWorkspaces {
  readonly kind: WorkspaceKind;
  /** Why each quicker kind does not work here. */
  readonly reasons: Readonly<Partial<Record<WorkspaceKind, string>>>;
}

/**
 * Tries the kinds of workspaces in a folder, the quickest first, each by doing it; for `overlay` the folder becomes a shared mount of its own, and stays one.
 * INVALID_CONFIG where one is asked for that does not work.
 */
export async function probeWorkspaces(folder: string, setting: WorkspaceSetting): Promise<ProbedWorkspaces> {
  const reasons: Partial<Record<WorkspaceKind, string>> = {};
  for (const [kind, attempt] of [["overlay", tryOverlay] as const, ["reflink", tryReflink] as const]) {
    if (setting !== "auto" && setting !== kind) continue;
    const reason = await reasonAgainst(folder, attempt);
    if (reason === undefined) return { kind, reasons };
    if (setting === kind) {
      const hint = kind === "overlay" ? "It needs a worker with the rights of root on Linux 5.11 or newer." : "It needs a file system such as XFS or btrfs.";
      throw new SlipwayError("INVALID_CONFIG", `Workspaces of the kind ${kind} do not work in ${folder}: ${reason}`, {
        hint: `${hint} Or leave worker.workspaces at auto.`,
      });
    }
    reasons[kind] = reason;
  }
  return { kind: "worktree", reasons };
}

async function reasonAgainst(folder: string, attempt: (folder: string, scratch: string) => Promise<void>): Promise<string | undefined> {
  const scratch = await mkdtemp(join(folder, "probe-"));
  try {
    await attempt(folder, scratch);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function tryOverlay(folder: string, scratch: string): Promise<void> {
  const wasMounted = (await mountsBelow(folder)).length > 0;
  try {
    await shareFolder(folder);
    await useOverlay(folder, scratch);
  } catch (error) {
    if (!wasMounted) await unmountBelow(folder);
    throw error;
  }
}

async function useOverlay(from: string, scratch: string): Promise<void> {
  const [lower, upper, work, at] = await Promise.all(
    ["lower", "upper", "work", "at"].map(async (name) => {
      await mkdir(join(scratch, name));
      return join(scratch, name);
    }),
  );
  if (!lower || !upper || !work || !at) return;
  await Promise.all(["kept", "gone"].map((name) => writeFile(join(lower, name), name)));
  await mkdir(join(lower, "folder"));
  await mountOverlay({ from, lower: [lower], upper, work, at, renames: true });
  try {
    await rm(join(at, "gone"));
    await rename(join(at, "folder"), join(at, "renamed"));
    await writeFile(join(at, "new"), "new");
    const [below, shown] = await Promise.all([lower, at].map((root) => lstat(join(root, "kept"))));
    // By it git knows an unchanged file.
    if (below?.ino !== shown?.ino) throw new Error("files have other numbers in the mount than in their layer");
    if ((await readFile(join(lower, "gone"), "utf8")) !== "gone") throw new Error("a deletion reached the lower layer");
    if ((await readFile(join(upper, "new"), "utf8")) !== "new") throw new Error("a new file is not in the upper layer");
  } finally {
    await unmountBelow(at);
  }
}

async function tryReflink(_: string, scratch: string): Promise<void> {
  await writeFile(join(scratch, "from"), "blocks");
  await copyFile(join(scratch, "from"), join(scratch, "to"), constants.COPYFILE_FICLONE_FORCE);
}
