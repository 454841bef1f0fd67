import { identityEnvironment } from "./commit-object.ts";
import { type GitOptions, gitText, runGit } from "./exec.ts";

/** A path on which two changes cannot both be had. */
export interface Conflict {
  readonly path: string;
  /** Git's word for it, such as `contents`, `modify/delete` or `binary`. */
  readonly kind: string;
}

/** `tree` has both changes, with conflict markers where they do not fit; it is the merged tree where `conflicts` is empty. */
export interface ThreeWay {
  readonly tree: string;
  readonly conflicts: readonly Conflict[];
  /** As the markers in the files name the sides. */
  readonly labels: { readonly base: string; readonly ours: string; readonly theirs: string };
}

export interface Sides {
  readonly base: string;
  readonly ours: string;
  readonly theirs: string;
}

/** Their dates too, so that the same trees are always the same commits. */
const NOBODY = { name: "Slipway", email: "slipway@localhost", date: "@0 +0000" } as const;

/**
 * Merges the trees of two commits by that of a third, from objects alone. Git takes the base of a merge from history, so the trees are dressed as a history of
 * their own: nothing but what differs from `base` moves, whatever the commits' own past is. Markers show the base too (zdiff3). `git.failure` where git fails.
 */
export async function threeWay(git: GitOptions, sides: Sides): Promise<ThreeWay> {
  const dress = (oid: string, parents: readonly string[]): Promise<string> =>
    gitText(["commit-tree", "-m", "merge side", ...parents.flatMap((parent) => ["-p", parent]), `${oid}^{tree}`], {
      ...git,
      env: { ...git.env, ...identityEnvironment(NOBODY, NOBODY) },
    });
  const base = await dress(sides.base, []);
  const [ours, theirs] = await Promise.all([dress(sides.ours, [base]), dress(sides.theirs, [base])]);
  const { tree, conflicts } = await mergeTree(git, ours, theirs);
  return { tree, conflicts, labels: { base: base.slice(0, 7), ours, theirs } };
}

/** Merges two commits by what their histories have in common. */
export async function mergeTree(git: GitOptions, ours: string, theirs: string): Promise<Pick<ThreeWay, "tree" | "conflicts">> {
  const args = ["merge-tree", "--write-tree", "-z", "--name-only", "--messages", "--end-of-options", ours, theirs];
  const config: GitOptions["config"] = [...(git.config ?? []), ["merge.conflictStyle", "zdiff3"]];
  const { stdout, exitCode } = await runGit(args, { ...git, config, okExitCodes: [0, 1] });
  return readMerge(stdout.toString(), exitCode === 1);
}

/** The output of `git merge-tree -z` (git-merge-tree(1), "OUTPUT"): tree, conflicted paths, an empty field, and messages of paths, a short name and a sentence. */
function readMerge(output: string, isConflict: boolean): Pick<ThreeWay, "tree" | "conflicts"> {
  const [tree = "", ...rest] = output.split("\0");
  if (!isConflict) return { tree, conflicts: [] };
  const end = rest.indexOf("");
  const paths = [...new Set(end < 0 ? rest.filter(Boolean) : rest.slice(0, end))];
  const kinds = new Map<string, string>();
  for (let at = end + 1; end >= 0 && at < rest.length - 1; ) {
    const count = Number(rest[at]);
    const name = /^CONFLICT \((.*)\)$/.exec(rest[at + 1 + count] ?? "")?.[1];
    if (name !== undefined) for (const path of rest.slice(at + 1, at + 1 + count)) kinds.set(path, kinds.get(path) ?? name);
    at += count + 3;
  }
  return { tree, conflicts: paths.map((path) => ({ path, kind: kinds.get(path) ?? "contents" })) };
}
