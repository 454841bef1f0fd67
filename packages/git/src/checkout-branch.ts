import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";
import { branchSchema } from "@slipway/protocol/scalars";
import { ignoreMissing } from "./bare-store.ts";
import { gitText, runGit } from "./exec.ts";
import { userGit } from "./user-git.ts";

export interface BranchUpdate {
  readonly updated: "created" | "fast-forwarded" | "left";
  /** Why it was left. */
  readonly reason?: string;
}

const NO_OBJECT = "0".repeat(40);

/** Puts a branch of a person's checkout on a commit that is already there, where that loses nothing and disturbs nothing. INVALID_REQUEST for a bad name. */
export async function advanceBranch(root: string, branch: string, oid: string): Promise<BranchUpdate> {
  if (!branchSchema.safeParse(branch).success) throw new SlipwayError("INVALID_REQUEST", `${JSON.stringify(branch)} is not a branch name.`, { branch });
  const ref = `refs/heads/${branch}`;
  const options = { cwd: root, configuration: "user" } as const;
  const shown = await runGit(["show-ref", "--verify", "--hash", "--", ref], { ...options, okExitCodes: [0, 1, 128] });
  const present = shown.exitCode === 0 ? shown.stdout.toString().trim() : null;
  if (present === oid) return left(`${branch} is already there`);
  const holder = await worktreeOf(root, ref);
  if (present === null) return holder ? left(`${branch} is checked out in ${holder.path} and has no commit yet`) : swap(root, ref, oid, null);
  const forward = await runGit(["merge-base", "--is-ancestor", present, oid], { ...options, okExitCodes: [0, 1] });
  if (forward.exitCode === 1) return left(`${branch} has commits that the result does not have`);
  if (!holder) return swap(root, ref, oid, present);
  if (holder.busy) return left(`${branch} is in the middle of a ${holder.busy} in ${holder.path}`);
  return moveCheckedOut(holder.path, branch, oid);
}

async function swap(root: string, ref: string, oid: string, present: string | null): Promise<BranchUpdate> {
  const args = ["update-ref", "-m", "slipway: result", ref, oid, present ?? NO_OBJECT];
  const swapped = await runGit(args, { cwd: root, configuration: "user", okExitCodes: [0, 1, 128] });
  if (swapped.exitCode !== 0) return left(`git refuses to write the branch: ${swapped.stderr.trim()}`);
  return { updated: present === null ? "created" : "fast-forwarded" };
}

/** Moves branch, index and files together; git itself stops where an untracked file is in the way. */
async function moveCheckedOut(path: string, branch: string, oid: string): Promise<BranchUpdate> {
  const status = await (await userGit(path)).status(["--untracked-files=no"]);
  if (status.files.length > 0) return left(`${branch} is checked out in ${path} with uncommitted changes`);
  const merged = await runGit(["merge", "--ff-only", "--no-autostash", "--no-stat", "--no-verify-signatures", "--quiet", oid], {
    cwd: path,
    configuration: "user",
    okExitCodes: [0, 1, 2, 128],
  });
  if (merged.exitCode === 0) return { updated: "fast-forwarded" };
  return left(`${branch} is checked out in ${path} and git would not move it: ${merged.stderr.trim().split("\n").slice(0, 5).join(" ")}`);
}

/** The worktree that has a branch checked out, or is rebasing or bisecting it. */
async function worktreeOf(root: string, ref: string): Promise<{ path: string; busy: string | null } | undefined> {
  const listing = await gitText(["worktree", "list", "--porcelain", "-z"], { cwd: root, configuration: "user" });
  for (const block of listing.split("\0\0").filter(Boolean)) {
    const fields = block.split("\0").filter(Boolean);
    const path = fields.find((field) => field.startsWith("worktree "))?.slice("worktree ".length);
    if (path === undefined || fields.includes("bare")) continue;
    if (fields.includes(`branch ${ref}`)) return { path, busy: null };
    const busy = fields.includes("detached") ? await busyWith(path, ref) : null;
    if (busy) return { path, busy };
  }
  return undefined;
}

/** A rebase or a bisect detaches HEAD and remembers the branch in a file (git's own wt-status.c reads the same ones). */
async function busyWith(path: string, ref: string): Promise<string | null> {
  const found = await runGit(["rev-parse", "--absolute-git-dir"], { cwd: path, configuration: "user", okExitCodes: [0, 128] }).catch(ignoreMissing);
  if (found?.exitCode !== 0) return null;
  const gitDir = found.stdout.toString().trim();
  const places = [
    ["rebase-merge/head-name", "rebase"],
    ["rebase-apply/head-name", "rebase"],
    ["BISECT_START", "bisect"],
  ] as const;
  for (const [file, what] of places) {
    const name = (await readFile(join(gitDir, file), "utf8").catch(ignoreMissing))?.trim();
    if (name === ref || `refs/heads/${name}` === ref) return what;
  }
  return null;
}

function left(reason: string): BranchUpdate {
  return { updated: "left", reason };
}
