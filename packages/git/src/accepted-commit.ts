import { join } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";
import { type Identity, identityEnvironment, messageWithTrailers } from "./commit-object.ts";
import { gitText, runGit } from "./exec.ts";
import { parseCommit } from "./merge.ts";

/**
 * The same tree, parents, author and message as a commit of jobs.git, with further trailers: a new commit, which one of Slipway's own refs then names. No
 * worktree takes part. BASE_NOT_FOUND where the commit is not there.
 */
export async function commitWithTrailers(
  root: string,
  { oid, ref, trailers, committer }: { oid: string; ref: string; trailers: Readonly<Record<string, string>>; committer: Identity },
): Promise<string> {
  if (!ref.startsWith("refs/slipway/")) throw new SlipwayError("INVALID_REQUEST", "Only refs under refs/slipway/ are Slipway's to write.", { ref });
  const gitDir = join(root, "jobs.git");
  const text = await gitText(["cat-file", "commit", oid], { gitDir, failure: "BASE_NOT_FOUND" });
  const head = text.slice(0, text.indexOf("\n\n"));
  const parents = [...head.matchAll(/^parent ([0-9a-f]+)$/gm)].flatMap(([, parent]) => ["-p", parent as string]);
  const { author, message } = parseCommit(text);
  const input = messageWithTrailers(message, trailers);
  const made = await gitText(["commit-tree", "-F", "-", ...parents, `${oid}^{tree}`], { gitDir, input, env: identityEnvironment(author, committer) });
  await runGit(["update-ref", "-m", "slipway: accept", ref, made], { gitDir });
  return made;
}
