import { join } from "node:path";
import { gitText } from "./exec.ts";

/** The commits of a branch in the hub's upstream.git: as landings have moved it, and as it was last fetched from the repository's address. */
export async function branchTips(root: string, branch: string): Promise<string[]> {
  const refs = [`refs/heads/${branch}`, `refs/upstream/${branch}`];
  const listing = await gitText(["for-each-ref", "--format=%(objectname) %(refname)", ...refs], { gitDir: join(root, "upstream.git") });
  // A pattern also stands for what lies below it.
  const tips = listing.split("\n").filter((line) => refs.some((ref) => line.endsWith(` ${ref}`)));
  return [...new Set(tips.map((line) => line.slice(0, line.indexOf(" "))))];
}

/** Whether some branch of the hub has the commit. */
export async function isOnBranch(root: string, oid: string): Promise<boolean> {
  const args = ["for-each-ref", "--count=1", "--format=%(refname)", `--contains=${oid}`, "refs/heads/"];
  return (await gitText(args, { gitDir: join(root, "upstream.git"), failure: "BASE_NOT_FOUND" })) !== "";
}
