import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { HubAccess } from "@slipway/protocol/worker-api";
import { ignoreMissing, makeBareStore, mirrorShallow } from "./bare-store.ts";
import { runGit } from "./exec.ts";
import { withLock } from "./lock.ts";
import { type PushOptions, pushToHub } from "./push.ts";
import { transferConfig } from "./transfer.ts";

/** Where the commits that were fetched one by one keep their refs. */
export const FETCHED_REFS = "refs/slipway/fetched/";

/** The git stores that a worker or an integrator keeps of one repository. */
export interface WorkerRepository {
  readonly dir: string;
  /** Object folders that an agent may read; nothing of any job is in them. */
  readonly upstreamObjects: readonly string[];
  /** Bare store of what the upstream has; its linked-worktree metadata are the workspaces'. */
  readonly upstreamGit: string;
  /** Bare store of job commits, private to the daemon; borrows from the other. */
  readonly jobsGit: string;
}

/**
 * Opens the stores of a repository, making them where needed. On the hub's own machine they borrow its objects; elsewhere the first call fetches
 * the branches. REPOSITORY_UNREACHABLE, DISK_FULL or the signal's reason.
 */
export async function openWorkerRepository(dir: string, hub: HubAccess, signal: AbortSignal): Promise<WorkerRepository> {
  const upstreamGit = join(dir, "upstream.git");
  const jobsGit = join(dir, "jobs.git");
  const open = async (): Promise<WorkerRepository> => {
    const local = await isSameMachine(hub);
    const hubUpstream = join(hub.localPath, "upstream.git/objects");
    await makeBareStore(upstreamGit, { alternates: local ? [hubUpstream] : [], isShown: true });
    await makeBareStore(jobsGit, {
      // A chain of borrowed stores may be five deep; said flat, it is one.
      alternates: [join(upstreamGit, "objects"), ...(local ? [hubUpstream, join(hub.localPath, "jobs.git/objects")] : [])],
    });
    if (local) await mirrorShallow(join(hub.localPath, "upstream.git"), upstreamGit);
    else if ((await runGit(["for-each-ref", "--count=1"], { gitDir: upstreamGit, signal })).stdout.length === 0) await fetchBranches(upstreamGit, hub, signal);
    await mirrorShallow(upstreamGit, jobsGit);
    return { dir, upstreamGit, jobsGit, upstreamObjects: [local ? hubUpstream : join(upstreamGit, "objects")] };
  };
  return withLock(`open ${dir}`, open, signal);
}

/**
 * Makes sure that a commit is there, with all that it reaches. What comes from `jobs` stays in jobs.git. REPOSITORY_UNREACHABLE where the hub does not
 * have it or does not answer.
 */
export async function fetchCommit(repository: WorkerRepository, hub: HubAccess, oid: string, from: "upstream" | "jobs", signal: AbortSignal): Promise<void> {
  const gitDir = from === "upstream" ? repository.upstreamGit : repository.jobsGit;
  const present = async (): Promise<boolean> =>
    (await runGit(["cat-file", "-e", `${oid}^{commit}`], { gitDir, signal, okExitCodes: [0, 1, 128] })).exitCode === 0;
  if (await present()) return;
  const bring = async (): Promise<void> => {
    if (await present()) return;
    // A ref of our own, so that the next fetch can say what is already here.
    await fetch(gitDir, from === "upstream" ? hub.upstreamUrl : hub.jobsUrl, [`+${oid}:${FETCHED_REFS}${oid}`], hub, signal);
    await mirrorShallow(repository.upstreamGit, repository.jobsGit);
  };
  await withLock(`fetch ${gitDir}`, bring, signal);
}

/** Pushes a commit of jobs.git to the hub, to `hub.pushRef` unless told otherwise. REPOSITORY_UNREACHABLE where the hub refuses it or does not answer. */
export async function pushCommit(
  repository: WorkerRepository,
  hub: HubAccess,
  oid: string,
  ref: string | undefined,
  signal: AbortSignal,
  options: PushOptions = {},
): Promise<void> {
  await pushToHub(repository, hub, oid, ref ?? hub.pushRef, signal, options);
}

async function fetchBranches(gitDir: string, hub: HubAccess, signal: AbortSignal): Promise<void> {
  await fetch(gitDir, hub.upstreamUrl, ["+refs/heads/*:refs/heads/*", "+refs/upstream/*:refs/upstream/*"], hub, signal);
}

async function fetch(gitDir: string, url: string, refspecs: readonly string[], hub: HubAccess, signal: AbortSignal): Promise<void> {
  const args = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--update-shallow", "--no-auto-gc", "--refmap=", "--", url, ...refspecs];
  await runGit(args, { gitDir, credential: hub.credential, config: transferConfig(), signal, failure: "REPOSITORY_UNREACHABLE" });
}

/** Paths mean something on another machine only by chance: the marker in the folder says whether it is this hub's. */
async function isSameMachine(hub: HubAccess): Promise<boolean> {
  const marker = await readFile(join(hub.localPath, "installation"), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "EACCES" || error.code === "EPERM") return undefined;
    return ignoreMissing(error);
  });
  return marker?.trim() === hub.installationId;
}
