import { readGit } from "./read-git.ts";

/** The top folder of the checkout around the current folder, before its first commit too; undefined outside of one. */
export async function checkoutRoot(): Promise<string | undefined> {
  return await readGit(["rev-parse", "--show-toplevel"], process.cwd()).catch(() => undefined); // Not in a checkout is the usual reason.
}
