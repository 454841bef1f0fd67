import { chmod, copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runGit } from "@slipway/git/exec";
import { hubTips } from "@slipway/git/upstream";
import type { ClaimedCompletion } from "@slipway/protocol/integrator-api";
import type { SubmitJobInput } from "@slipway/protocol/job";
import type { RepositoryView } from "@slipway/protocol/repository";
import { newId } from "@slipway/protocol/scalars";
import type { UpstreamChanges } from "@slipway/protocol/upstream";
import type { TestServer } from "../server/server-harness.ts";
import type { Remote } from "../support/git-remote.ts";
import { git, TestRepository } from "../support/repository.ts";

/** A change that an integrator has merged and is about to land. */
export interface Merged {
  readonly claimed: ClaimedCompletion;
  readonly body: { readonly mergedOid: string; readonly expectedOld: string | null };
}

/** A server with one repository that lives at an address, and what a worker and an integrator do there. */
export class LandingScene {
  readonly server: TestServer;
  readonly repo: RepositoryView;
  readonly remote: Remote;
  #workerId: string | undefined;

  private constructor(server: TestServer, repo: RepositoryView, remote: Remote) {
    this.server = server;
    this.repo = repo;
    this.remote = remote;
  }

  static async make(server: TestServer, remote: Remote, url: string, upstream: UpstreamChanges = {}): Promise<LandingScene> {
    const admin = server.client("admin");
    const { id } = await admin.call("createRepository", { body: { name: `ship-${newId()}`, url } });
    const repo = await admin.call("updateRepository", { params: { repo: id }, body: { maxRunning: 50, upstream } });
    return new LandingScene(server, repo, remote);
  }

  async set(upstream: UpstreamChanges): Promise<void> {
    await this.server.client("admin").call("updateRepository", { params: { repo: this.repo.id }, body: { upstream } });
  }

  async sync() {
    return await this.server.client("submitter").call("syncRepository", { params: { repo: this.repo.id }, body: {} });
  }

  async view(): Promise<RepositoryView> {
    const { repositories } = await this.server.client("viewer").call("listRepositories", {});
    const found = repositories.find(({ id }) => id === this.repo.id);
    if (!found) throw new Error("no repository");
    return found;
  }

  /** A job with a change, claimed by an integrator that merged it onto the target as it is now. */
  async merged(file: string, target = "main", more: Partial<SubmitJobInput> = {}): Promise<Merged> {
    this.#workerId ??= await this.server.worker();
    await this.server.submit(this.repo.id, { target, task: `Write ${file}`, ...more });
    const claim = await this.server.claim(this.#workerId, { waitMs: 5_000 });
    if (!claim) throw new Error("no claim");
    const oid = await this.server.pushChange(new TestRepository(join(this.root, "upstream.git")), claim, { [file]: `${file}\n` });
    await this.server.client("worker").call("finish", {
      params: { job: claim.job.id, fence: claim.fence },
      body: { outcome: { kind: "change", oid, diffStat: { files: 1, insertions: 1, deletions: 0 } } },
    });
    const { claimed } = await this.server.client("integrator").call("claimCompletion", { body: { claimId: newId(), integratorId: newId(), waitMs: 5_000 } });
    if (!claimed) throw new Error("no completion");
    return { claimed, body: { mergedOid: await this.#onto(claimed, claimed.targetOid, oid), expectedOld: claimed.targetOid } };
  }

  /** The same change on top of what the target is now. */
  async again({ claimed }: Merged): Promise<Merged> {
    const { target, oid } = claimed.completion;
    const { oid: targetOid } = await this.server.client("integrator").call("getBranch", { params: { repo: this.repo.id }, query: { branch: target } });
    return { claimed, body: { mergedOid: await this.#onto(claimed, targetOid, oid), expectedOld: targetOid } };
  }

  /** As the integrator brings it on top: one more commit with the change, pushed where the claim says. */
  async #onto({ completion, hub }: ClaimedCompletion, targetOid: string | null, oid: string): Promise<string> {
    if (targetOid === null || targetOid === completion.baseOid) return oid;
    const jobs = join(this.root, "jobs.git");
    const tree = (await git(jobs, "merge-tree", "--write-tree", targetOid, oid)).split("\n")[0] ?? "";
    const merged = await git(jobs, "commit-tree", "-m", "Change", "-p", targetOid, tree);
    await runGit(["update-ref", hub.pushRef, merged], { gitDir: jobs });
    return merged;
  }

  async land({ claimed, body }: Merged): Promise<string | null> {
    const params = { completion: claimed.completion.id, fence: claimed.fence };
    return (await this.server.client("integrator").call("landCompletion", { params, body })).completion.landedOid;
  }

  get root(): string {
    return join(this.server.data, "server/hub", this.repo.id);
  }

  async hubHead(branch = "main"): Promise<string | undefined> {
    return (await hubTips(this.root)).find((tip) => tip.branch === branch)?.oid;
  }
}

/** Puts a secret where the server looks for it. */
export async function putSecret(server: TestServer, name: string, value: string): Promise<void> {
  const folder = join(server.data, "secrets/server");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(join(folder, name), `${value}\n`, { mode: 0o600 });
}

/** The same with a file, such as a private key. */
export async function putSecretFile(server: TestServer, name: string, file: string): Promise<void> {
  const folder = join(server.data, "secrets/server");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await copyFile(file, join(folder, name));
  await chmod(join(folder, name), 0o600);
}
