import { mkdtemp, readdir, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClaimedCompletion } from "@slipway/protocol/integrator-api";
import type { JobView } from "@slipway/protocol/job";
import { newId } from "@slipway/protocol/scalars";
import type { Claim, KeptWork } from "@slipway/protocol/worker-api";
import { expect } from "vitest";
import { git, type TestRepository } from "../support/repository.ts";
import { TestServer, withCredential } from "./server-harness.ts";

/** Whatever has ended is older than this, in ms. */
export const NOTHING_KEPT_MS = 1;

export type PruneJobs = Awaited<ReturnType<PruneBench["oneOfEach"]>>;

/** Where a job's attempt has pushed to. */
export function refOf({ claim }: { claim: Claim }): string {
  return claim.hub.pushRef;
}

/** A server with a repository and jobs on their ways through it, whose leases are kept. */
export class PruneBench implements AsyncDisposable {
  readonly server: TestServer;
  /** Id of the repository. */
  readonly repo: string;
  readonly source: TestRepository;
  readonly #workerId: string;
  /** Renewals of what is at work, as workers and integrators do them, however slow the machine is. */
  readonly #renewals: Array<() => Promise<unknown>> = [];
  readonly #heartbeat: NodeJS.Timeout;

  private constructor(server: TestServer, repo: string, source: TestRepository, workerId: string) {
    this.server = server;
    this.repo = repo;
    this.source = source;
    this.#workerId = workerId;
    this.#heartbeat = setInterval(() => {
      // What has ended by now refuses, and that is well.
      for (const renew of this.#renewals) renew().catch(() => undefined);
    }, 1_000);
  }

  static async start(): Promise<PruneBench> {
    const server = await TestServer.start();
    const { view, source } = await server.repository();
    return new PruneBench(server, view.id, source, await server.worker());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#heartbeat);
    await this.server[Symbol.asyncDispose]();
  }

  hub(store: "upstream" | "jobs"): string {
    return join(this.server.data, "server", "hub", this.repo, `${store}.git`);
  }

  async refs(store: "upstream" | "jobs", kind: "jobs" | "merges" | "bases"): Promise<string[]> {
    const listing = await git(this.hub(store), "for-each-ref", "--format=%(refname)", `refs/slipway/${kind}/`);
    return listing.split("\n").filter(Boolean);
  }

  async has(store: "upstream" | "jobs", oid: string): Promise<boolean> {
    return await git(this.hub(store), "cat-file", "-e", oid).then(
      () => true,
      () => false,
    );
  }

  /** A job whose attempt has pushed a commit and stored an artifact. */
  async pushed(file: string, target?: string): Promise<{ claim: Claim; oid: string }> {
    await this.server.submit(this.repo, { title: file, ...(target === undefined ? {} : { target }) });
    const claim = await this.server.claim(this.#workerId, { waitMs: 5_000 });
    if (!claim) throw new Error("no claim");
    const params = { job: claim.job.id, fence: claim.fence };
    this.#renewals.push(() => this.server.client("worker").call("renew", { params, body: {} }));
    await this.server.client("worker").putArtifact(claim.job.id, claim.fence, "gate.log", new TextEncoder().encode(file));
    return { claim, oid: await this.server.pushChange(this.source, claim, { [file]: `${file}\n` }) };
  }

  async fail({ job, fence }: Claim, kept?: KeptWork): Promise<void> {
    const failure = { code: "NO_CHANGE" as const, message: "as planned", details: {} };
    await this.server
      .client("worker")
      .call("finish", { params: { job: job.id, fence }, body: { outcome: { kind: "failed", failure, ...(kept && { kept }) } } });
  }

  /** Takes a pushed change to where an integrator holds its completion. */
  async integrating(file: string, target?: string): Promise<{ claim: Claim; oid: string; claimed: ClaimedCompletion }> {
    const { claim, oid } = await this.pushed(file, target);
    const body = { outcome: { kind: "change" as const, oid, diffStat: { files: 1, insertions: 1, deletions: 0 } } };
    await this.server.client("worker").call("finish", { params: { job: claim.job.id, fence: claim.fence }, body });
    const { claimed } = await this.server.client("integrator").call("claimCompletion", { body: { claimId: newId(), integratorId: newId(), waitMs: 5_000 } });
    if (!claimed) throw new Error("no completion");
    const params = { completion: claimed.completion.id, fence: claimed.fence };
    this.#renewals.push(() => this.server.client("integrator").call("renewCompletion", { params, body: {} }));
    return { claim, oid, claimed };
  }

  /** Makes the change of a commit anew on top of another one, and pushes it as the completion's merge. */
  async merge({ hub: access }: ClaimedCompletion, oid: string, onto: string): Promise<string> {
    const dir = await mkdtemp(join(tmpdir(), "slipway-merge-"));
    try {
      await git(dir, "clone", "--quiet", "--no-checkout", withCredential(access.upstreamUrl, access.credential), "clone");
      const clone = join(dir, "clone");
      await git(clone, "fetch", "--quiet", withCredential(access.jobsUrl, access.credential), oid);
      await git(clone, "checkout", "--quiet", "--detach", onto);
      await git(clone, "cherry-pick", "--allow-empty", oid);
      await git(clone, "push", "--quiet", withCredential(access.jobsUrl, access.credential), `HEAD:${access.pushRef}`);
      return await git(clone, "rev-parse", "HEAD");
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  }

  async land({ completion, fence }: ClaimedCompletion, mergedOid: string, expectedOld: string | null): Promise<void> {
    await this.server.client("integrator").call("landCompletion", { params: { completion: completion.id, fence }, body: { mergedOid, expectedOld } });
  }

  async viewOf(id: string): Promise<JobView> {
    return (await this.server.client("viewer").call("getJob", { params: { job: id } })).job;
  }

  /** One of each: landed as it is, landed anew on a target that had moved, failed, at work, about to land. */
  async oneOfEach() {
    const landed = await this.integrating("landed.txt", "release");
    await this.land(landed.claimed, landed.oid, null);
    const anew = await this.integrating("anew.txt", "release");
    const anewOid = await this.merge(anew.claimed, anew.oid, landed.oid);
    await this.land(anew.claimed, anewOid, landed.oid);
    const failed = await this.pushed("failed.txt");
    await this.fail(failed.claim);
    const open = await this.integrating("open.txt", "release");
    const openOid = await this.merge(open.claimed, open.oid, anewOid);
    const atWork = await this.pushed("at-work.txt");
    return { landed, anew, anewOid, failed, open, openOid, atWork };
  }

  /** What must be there whatever was pruned: all that a job which is not final names. */
  async expectNeeded({ open, openOid, atWork }: PruneJobs): Promise<void> {
    expect(await this.refs("jobs", "jobs")).toEqual(expect.arrayContaining([refOf(open), refOf(atWork)]));
    expect(await this.refs("jobs", "merges")).toContain(open.claimed.hub.pushRef);
    for (const oid of [open.oid, openOid, atWork.oid]) expect(await this.has("jobs", oid)).toBe(true);
    for (const { claim } of [open, atWork]) expect(await readdir(this.artifactsOf(claim.job.id))).toEqual([String(claim.fence)]);
  }

  artifactsOf(job: string): string {
    return join(this.server.data, "server", "artifacts", job);
  }

  /** Makes the hub's objects, and its last maintenance, older than they are. */
  async age(ms: number): Promise<void> {
    const seconds = (Date.now() - ms) / 1_000 - 60;
    for (const store of ["upstream", "jobs"] as const)
      for (const entry of await readdir(join(this.hub(store), "objects"), { recursive: true, withFileTypes: true }))
        if (entry.isFile()) await utimes(join(entry.parentPath, entry.name), seconds, seconds);
    await utimes(join(this.hub("jobs"), "..", "maintained"), seconds, seconds);
  }
}
