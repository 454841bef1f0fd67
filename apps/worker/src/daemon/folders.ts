import { chmod, mkdir, realpath } from "node:fs/promises";
import { join } from "node:path";

/** Where the worker keeps what, under `<data folder>/worker/`. Everything is private to its user (0700). */
export interface WorkerFolders {
  readonly root: string;
  readonly lock: string;
  readonly identity: string;
  /** Claim ids whose answer has not been taken up yet, a file each. */
  readonly claims: string;
  /** `attempts/<job>-<fence>/`: state, journal, event spool and private things of the pipeline. */
  readonly attempts: string;
  /** `sandboxes/<id>/`: what a sandbox has mounted, warm ones before any job is known. */
  readonly sandboxes: string;
  /** `homes/<job>/`: kept until the job is final. */
  readonly homes: string;
  /** `repositories/<repository id>/`: git stores shared by attempts. */
  readonly repositories: string;
  /** `bases/<id>/`: checkouts that workspaces share. */
  readonly bases: string;
  /** `setup-layers/<id>/`: what setups made, shared by workspaces. */
  readonly setupLayers: string;
  /** Certificates of the installation, as sandboxes see them. What an earlier process wrote stays: its sandboxes may have it still. */
  readonly certificates: string;
  /** Empty disks, one a size, that limited workspaces get copies of. */
  readonly disks: string;
}

/** Makes the folders where they are missing and narrows their mode. Paths are real ones: a mount must not meet a symlink on its way. */
export async function openWorkerFolders(dataFolder: string): Promise<WorkerFolders> {
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  const root = join(await realpath(dataFolder), "worker");
  const folders: WorkerFolders = {
    root,
    lock: join(root, "folder.lock"),
    identity: join(root, "identity.json"),
    claims: join(root, "claims"),
    attempts: join(root, "attempts"),
    sandboxes: join(root, "sandboxes"),
    homes: join(root, "homes"),
    repositories: join(root, "repositories"),
    bases: join(root, "bases"),
    setupLayers: join(root, "setup-layers"),
    certificates: join(root, "certificates"),
    disks: join(root, "disks"),
  };
  for (const path of [root, folders.claims, folders.attempts, folders.sandboxes, folders.homes, folders.repositories, folders.bases, folders.setupLayers]) {
    await mkdir(path, { recursive: true, mode: 0o700 });
    // The folder may be older than this process, with a wider mode.
    await chmod(path, 0o700);
  }
  return folders;
}
