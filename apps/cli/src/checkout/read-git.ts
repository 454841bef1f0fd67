import { gitText } from "@slipway/git/exec";

const READ_LIMIT_MS = 60_000;

/** What git prints in a user's checkout, without the last line end. For reading only; all that changes one is in `@slipway/git/checkout`. */
export async function readGit(args: readonly string[], cwd: string): Promise<string> {
  return await gitText(args, { cwd, configuration: "user", signal: AbortSignal.timeout(READ_LIMIT_MS) });
}

/** The commit that a name stands for in a checkout, or undefined. */
export async function commitOf(root: string, name: string): Promise<string | undefined> {
  return await readGit(["rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`], root).catch(() => undefined);
}

/** The commit of a local branch, or undefined. */
export async function branchOid(root: string, branch: string): Promise<string | undefined> {
  return await commitOf(root, `refs/heads/${branch}`);
}
