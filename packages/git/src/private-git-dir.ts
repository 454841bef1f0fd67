import { copyFile, mkdir, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { alternatesText, mirrorShallow } from "./bare-store.ts";
import { upstreamBoundary } from "./boundary.ts";
import { writePack } from "./packs.ts";
import type { WorkerRepository } from "./repository.ts";

const CONFIG = `[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = false
\tlogallrefupdates = true
\tautocrlf = false
[gc]
\tauto = 0
[user]
\tname = Slipway Agent
\temail = agent@slipway.invalid
`;

/** Fills `workspace/.git`, all but its index: the agent's own repository, which borrows the upstream's objects and has no way to anything else of ours. */
export async function makePrivateGitDir(
  repository: WorkerRepository,
  options: { workspace: string; baseOid: string; branchName: string; withJobObjects: boolean },
  signal: AbortSignal,
): Promise<void> {
  const gitDir = join(options.workspace, ".git");
  const branch = join(gitDir, "refs/heads", options.branchName);
  const folders = ["objects/info", "objects/pack", "refs/heads", "info", "hooks"].map((name) => join(gitDir, name));
  for (const folder of [...folders, join(branch, "..")]) await mkdir(folder, { recursive: true, mode: 0o700 });
  await Promise.all([
    writeFile(join(gitDir, "config"), CONFIG),
    writeFile(branch, `${options.baseOid}\n`),
    writeFile(join(gitDir, "objects/info/alternates"), alternatesText(repository.upstreamObjects)),
    mirrorShallow(repository.upstreamGit, gitDir),
  ]);
  if (options.withJobObjects) await giveJobObjects(repository, options.baseOid, join(gitDir, "objects"), signal);
  await writeFile(join(gitDir, "HEAD"), `ref: refs/heads/${options.branchName}\n`);
}

/**
 * Copies an index with its modification time: by that time git knows which entries it must compare by content. Rounded down, which only makes it
 * compare more (gitformat-index(5), "racy git").
 */
export async function copyIndex(from: string, to: string): Promise<void> {
  await copyFile(from, to);
  const { mtimeMs } = await stat(from);
  const seconds = Math.floor(mtimeMs) / 1000;
  await utimes(to, seconds, seconds);
}

/** Copies the objects of a job's commit that the upstream does not have, and no others. */
async function giveJobObjects(repository: WorkerRepository, oid: string, objects: string, signal: AbortSignal): Promise<void> {
  const known = await upstreamBoundary(repository, oid, signal);
  if (!known.includes(oid)) await writePack({ from: repository.jobsGit, oid, known, folder: join(objects, "pack"), objects });
}
