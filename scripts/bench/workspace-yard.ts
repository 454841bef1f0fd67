import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { BaseStore } from "@slipway/git/bases/base-store";
import { unmountBelow } from "@slipway/git/bases/mounts";
import { probeWorkspaces } from "@slipway/git/bases/probe";
import { commitScript, prepareCommitFolder, takeCommit } from "@slipway/git/commit";
import { removeTree } from "@slipway/git/remove-tree";
import { openWorkerRepository, type WorkerRepository } from "@slipway/git/repository";
import { addWorkspace, removeWorkspace } from "@slipway/git/workspace";
import type { WorkspaceKind, WorkspaceSetting } from "@slipway/protocol/workspace-kind";
import { execa } from "execa";

const AUTHOR = { name: "Slipway", email: "slipway@localhost" };

/** A worker's folder with bases and workspaces, as the worker has it, without the worker. */
export class WorkspaceYard implements AsyncDisposable {
  readonly kind: WorkspaceKind;
  readonly bases: BaseStore;
  readonly #root: string;
  readonly #hub: string;
  readonly #repository: WorkerRepository;
  #count = 0;

  private constructor(kind: WorkspaceKind, bases: BaseStore, root: string, hub: string, repository: WorkerRepository) {
    this.kind = kind;
    this.bases = bases;
    this.#root = root;
    this.#hub = hub;
    this.#repository = repository;
  }

  static async open(folder: string, hub: string, setting: WorkspaceSetting): Promise<WorkspaceYard> {
    const root = join(folder, "worker");
    await mkdir(root, { recursive: true });
    const { kind } = await probeWorkspaces(root, setting);
    const access = { upstreamUrl: "", jobsUrl: "", credential: "", pushRef: "", localPath: hub, installationId: "bench" };
    const repository = await openWorkerRepository(join(root, "repository"), access, AbortSignal.timeout(60_000));
    const onTrouble = (error: unknown): void => console.error(error);
    const bases = await BaseStore.open({ folder: join(root, "bases"), layered: kind === "overlay", bootId: "bench", onTrouble });
    return new WorkspaceYard(kind, bases, root, hub, repository);
  }

  /** A workspace at a commit; answers its folder, how long it took in ms, and how its base came about. */
  async add(oid: string): Promise<{ name: string; workspace: string; tookMs: number; base: string | undefined }> {
    this.#count += 1;
    const name = String(this.#count);
    const workspace = join(this.#place(name), "workspace");
    await mkdir(workspace, { recursive: true, mode: 0o700 });
    const shared = this.kind === "worktree" ? undefined : { kind: this.kind, bases: this.bases, layer: join(this.#place(name), "layer") };
    const startedAt = performance.now();
    const { base } = await addWorkspace(this.#repository, { workspace, baseOid: oid, withJobObjects: false, branchName: "slipway/work", shared });
    return { name, workspace, tookMs: performance.now() - startedAt, base };
  }

  /** The commit of what a workspace has in place of its base, as the daemon makes it; the script, which else runs in a sandbox, runs here. */
  async commit(workspace: string, baseOid: string): Promise<{ tookMs: number; oid: string; changes: number }> {
    const repository = this.#repository;
    const out = await mkdtemp(join(this.#root, "out-"));
    const startedAt = performance.now();
    await prepareCommitFolder(repository, workspace, out, baseOid);
    const env = { WORKSPACE: workspace, OUT: out, INDEX: join(out, "index"), BASE_OID: baseOid, OBJECTS: repository.upstreamObjects.join(":") };
    await execa("sh", ["-c", commitScript()], { cwd: "/", env });
    const limits = { packBytes: 1024 ** 3, objects: 1_000_000 };
    const taken = await takeCommit(repository, { out, baseOid, message: "Change it", author: AUTHOR, trailers: { Job: "1" }, limits });
    const tookMs = performance.now() - startedAt;
    await rm(out, { recursive: true });
    if (taken.empty) throw new Error(`the daemon found no change in ${workspace}`);
    return { tookMs, oid: taken.oid, changes: taken.changes.length };
  }

  /** A plain checkout of a commit that was made here, in a new folder. */
  async checkOut(oid: string, folder: string): Promise<void> {
    await execa("git", ["-C", this.#repository.jobsGit, "worktree", "add", "-q", "--detach", folder, oid]);
  }

  /** How long the removal took, in ms. */
  async remove(name: string): Promise<number> {
    const startedAt = performance.now();
    await removeWorkspace(this.#repository, join(this.#place(name), "workspace"));
    await removeTree(this.#place(name));
    this.bases.release(join(this.#place(name), "layer"));
    return performance.now() - startedAt;
  }

  /** What the workspace takes of the disk beyond its base, in MiB. */
  async ownMiB(name: string): Promise<number> {
    const folders = this.kind === "overlay" ? [join(this.#place(name), "layer")] : [this.#place(name)];
    const { stdout } = await execa("du", ["-s", "-k", "--", ...folders]);
    return Number.parseInt(stdout, 10) / 1_024;
  }

  /** The bar: what git itself does, in the same store. Answers how long it took, in ms. */
  async worktreeAdd(oid: string): Promise<number> {
    const folder = join(this.#root, "bar");
    const gitDir = join(this.#hub, "upstream.git");
    const startedAt = performance.now();
    await execa("git", ["-C", gitDir, "worktree", "add", "-q", "--detach", folder, oid]);
    const tookMs = performance.now() - startedAt;
    await rm(folder, { recursive: true });
    await execa("git", ["-C", gitDir, "worktree", "prune"]);
    return tookMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bases[Symbol.asyncDispose]();
    await unmountBelow(this.#root);
    await removeTree(this.#root);
  }

  #place(name: string): string {
    return join(this.#root, "places", name);
  }
}

/** How long `git status` takes in a workspace, in ms. Throws where something shows as changed. */
export async function statusMs(workspace: string): Promise<number> {
  const startedAt = performance.now();
  const { stdout } = await execa("git", ["-C", workspace, "status", "--porcelain"]);
  if (stdout !== "") throw new Error(`the workspace is not clean:\n${stdout.slice(0, 1_000)}`);
  return performance.now() - startedAt;
}
