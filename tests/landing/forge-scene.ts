import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ClaimedCompletion } from "@slipway/protocol/integrator-api";
import type { JobDetail, SubmitJobInput } from "@slipway/protocol/job";
import type { RepositoryView } from "@slipway/protocol/repository";
import { newId } from "@slipway/protocol/scalars";
import type { ServerOptions } from "@slipway/server/server";
import { TestServer } from "../server/server-harness.ts";
import { type GitHost, TOKEN } from "../support/forge/git-host.ts";
import { GithubHost } from "../support/forge/github-host.ts";
import type { GitlabHost } from "../support/forge/gitlab-host.ts";
import { git, makeRepository, type TestRepository } from "../support/repository.ts";

/** So seldom that no test sees a second look. */
const POLL_MS = 1_000_000;

export type Host = GithubHost | GitlabHost;

/** A server in this process, a git host with one repository, and jobs whose worker and integrator are the test. */
export class ForgeScene implements AsyncDisposable {
  readonly server: TestServer;
  readonly host: Host;
  readonly source: TestRepository;
  readonly repo: RepositoryView;
  #workerId = "";
  #looksOnce = true;

  private constructor(server: TestServer, host: Host, source: TestRepository, repo: RepositoryView) {
    this.server = server;
    this.host = host;
    this.source = source;
    this.repo = repo;
  }

  /** `landing`: the key of `.slipway.yaml`, as YAML. */
  static async open(
    options: { readonly landing?: string; readonly host?: Host; readonly server?: Partial<ServerOptions>; readonly token?: string | null } = {},
  ): Promise<ForgeScene> {
    const host = options.host ?? (await GithubHost.start());
    const kind = host instanceof GithubHost ? "github" : "gitlab";
    const server = await TestServer.start({
      forges: { [host.host]: { kind, baseUrl: host.baseUrl, token: "HOST_TOKEN" } },
      forgeRetryUnitMs: 20,
      deliveryTimes: { pauseMs: 50, giveUpMs: 3_600_000 },
      pullRequestPollMs: POLL_MS,
      ...options.server,
    });
    const source = await makeRepository({ "a.txt": "a\n", ".slipway.yaml": options.landing ?? "landing: {mode: pr}\n" });
    await git(source.root, "push", "--quiet", host.bare, "main");
    const repo = await server.client("admin").call("createRepository", { body: { name: "sea", url: host.url, defaultBranch: "main" } });
    await server.client("admin").call("syncRepository", { params: { repo: repo.id }, body: {} });
    const scene = new ForgeScene(server, host, source, repo);
    if (options.token !== null) await scene.setToken(options.token ?? TOKEN);
    scene.#looksOnce = options.server?.pullRequestPollMs === undefined;
    scene.#workerId = await server.worker();
    return scene;
  }

  async forgetToken(): Promise<void> {
    await rm(join(this.server.data, "secrets", "server", "HOST_TOKEN"));
  }

  async setToken(token: string): Promise<void> {
    const folder = join(this.server.data, "secrets", "server");
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(join(folder, "HOST_TOKEN"), `${token}\n`, { mode: 0o600 });
  }

  /** Submits a job and does it: its change is on the hub, and its attempt finished. */
  async finished(files: Record<string, string>, more: Partial<SubmitJobInput> = {}): Promise<JobDetail> {
    const { id } = await this.server.submit(this.repo.id, { task: "Mend the sail", ...more });
    return await this.work(id, files);
  }

  /** Does the job that is queued. */
  async work(id: string, files: Record<string, string>): Promise<JobDetail> {
    const claim = await this.server.claim(this.#workerId, { waitMs: 5_000 });
    if (claim?.job.id !== id) throw new Error(`expected to claim ${id}, got ${claim?.job.id}`);
    await git(this.source.root, "fetch", "--quiet", this.host.bare, "+refs/heads/*:refs/heads/host/*");
    const oid = await this.server.pushChange(this.source, claim, files);
    const outcome = { kind: "change", oid, diffStat: { files: 1, insertions: 1, deletions: 0 } } as const;
    await this.server.client("worker").call("finish", { params: { job: id, fence: claim.fence }, body: { outcome } });
    return await this.detail(id);
  }

  /** Claims the next completion, merges it onto its target as an integrator does, and hands it over; the repository has no gates. */
  async integrate(): Promise<void> {
    const integrator = this.server.client("integrator");
    const { claimed } = await integrator.call("claimCompletion", { body: { claimId: newId(), integratorId: newId(), waitMs: 5_000 } });
    if (!claimed) throw new Error("no completion");
    const { completion, fence } = claimed;
    const body = { mergedOid: await this.#merge(claimed), expectedOld: claimed.targetOid };
    await integrator.call("landCompletion", { params: { completion: completion.id, fence }, body });
  }

  /** The commit itself where the target has not moved, else one on top of the target. */
  async #merge({ completion, targetOid, hub }: ClaimedCompletion): Promise<string> {
    const { root } = this.source;
    if (targetOid === null || targetOid === completion.baseOid) return completion.oid;
    const authorization = `http.extraHeader=Authorization: Basic ${Buffer.from(`x:${hub.credential}`).toString("base64")}`;
    await git(root, "fetch", "--quiet", this.host.bare, "+refs/heads/*:refs/heads/host/*");
    await git(root, "-c", authorization, "fetch", "--quiet", hub.jobsUrl, completion.oid);
    await git(root, "checkout", "--quiet", "--detach", targetOid);
    await git(root, "merge", "--quiet", "--squash", completion.oid);
    await git(root, "commit", "--quiet", "--message", "Merged");
    const oid = await git(root, "rev-parse", "HEAD");
    await git(root, "checkout", "--quiet", "main");
    await git(root, "-c", authorization, "push", "--quiet", hub.jobsUrl, `${oid}:${hub.pushRef}`);
    return oid;
  }

  /** A job that is done by the test up to its end: done or blocked. */
  async delivered(files: Record<string, string> = { "b.txt": "b\n" }, more: Partial<SubmitJobInput> = {}): Promise<JobDetail> {
    const { job } = await this.finished(files, more);
    await this.integrate();
    return await this.ended(job.id);
  }

  async detail(job: string): Promise<JobDetail> {
    return await this.server.client("viewer").call("getJob", { params: { job } });
  }

  /** The job once it is final or blocked. */
  async ended(job: string): Promise<JobDetail> {
    for (;;) {
      const detail = await this.server.client("viewer").call("getJob", { params: { job }, query: { waitMs: 20_000 } });
      if (detail.job.endedAt === null && detail.job.state !== "blocked") continue;
      if (detail.job.delivery?.pullRequest && this.#looksOnce) await this.#firstLook();
      return detail;
    }
  }

  /** The server looks at a new pull request at once: a test that says something on it later is to be the one who asks. */
  async #firstLook(): Promise<void> {
    const { store } = this.server.server.plane;
    for (;;) {
      const nextMs = await store.nextDeliveryMs();
      if (nextMs === null || nextMs > POLL_MS / 2) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async retry(job: string): Promise<void> {
    await this.server.client("submitter").call("retryJob", { params: { job }, body: {} });
  }

  async sync(job: string): Promise<{ note: string; revision: JobDetail["job"] | null; job: JobDetail["job"] }> {
    return await this.server.client("submitter").call("syncPullRequest", { params: { job }, body: {} });
  }

  /** What of the credential shows up in what others may see: events, rows, answers. */
  async shown(job: string): Promise<string> {
    const events = await this.server.client("viewer").call("listEvents", { params: { job }, query: { after: 0, limit: 1_000 } });
    return JSON.stringify([events, await this.detail(job)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await this.source[Symbol.asyncDispose]();
    await (this.host as GitHost)[Symbol.asyncDispose]();
  }
}
