import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, watch } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { Client } from "@slipway/protocol/client";
import type { JobDetail } from "@slipway/protocol/job";
import type { RepositoryView } from "@slipway/protocol/repository";
import { newId } from "@slipway/protocol/scalars";
import { setupDigest } from "@slipway/protocol/setup-digest";
import { type Claim, LEASE_RENEW_MS } from "@slipway/protocol/worker-api";
import { git, makeRepository, type TestRepository } from "./repository.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const DIGEST = "0".repeat(64);

/** Exit code of a gate on the merged tree, by the gate's name; called for each verify job before it is answered. */
export type Verifier = (claim: Claim) => Promise<number>;

export interface LandingBenchOptions {
  readonly serverFlags?: readonly string[];
  /** Address that the repository is registered with; its own folder where it is missing. */
  readonly address?: (repository: TestRepository) => Promise<string>;
}

/** A line of a part's log. */
export type LogLine = { readonly msg: string; readonly [key: string]: unknown };

/** A real server and integrator with one repository; jobs are done and verified by the test itself, over the API and with real git. */
export class LandingBench implements AsyncDisposable {
  readonly data: string;
  readonly repository: TestRepository;
  /** Answers verify jobs; a test may replace it. Every gate passes at first. */
  verifier: Verifier = async () => 0;
  /** Merged commits of the verify jobs that were answered. */
  readonly verified: string[] = [];
  /** Everything that integrators have logged. */
  readonly logLines: LogLine[] = [];
  url = "";
  admin!: Client;
  #worker!: Client;
  #workerId = newId();
  #hubRepository!: RepositoryView;
  #server: ChildProcess | undefined;
  #integrator: ChildProcess | undefined;
  #others: ChildProcess[] = [];
  #onLog = (): void => undefined;
  readonly #stop = new AbortController();
  #verifying: Promise<void> = Promise.resolve();

  readonly #options: LandingBenchOptions;

  private constructor(data: string, repository: TestRepository, options: LandingBenchOptions) {
    this.data = data;
    this.#options = options;
    this.repository = repository;
  }

  static async open(files: Record<string, string>, options: LandingBenchOptions = {}): Promise<LandingBench> {
    const bench = new LandingBench(await mkdtemp(join(tmpdir(), "slipway-landing-")), await makeRepository(files), options);
    try {
      await bench.startServer();
      bench.#hubRepository = await bench.repository.register(bench.admin, "sample", await options.address?.(bench.repository));
      const manifest = {
        manifestVersion: 1,
        name: "script",
        version: "1",
        summary: "s",
        capabilities: { resume: true, usage: true, plan: true, model: false },
      } as const;
      await bench.#worker.call("registerWorker", {
        body: {
          workerId: bench.#workerId,
          name: "fake",
          slots: 8,
          verifySlots: 8,
          capabilities: ["backend:script", "sandbox:none"],
          backends: [{ ...manifest, configSchema: {}, secrets: [], image: { npm: [], apt: [] } }],
          sandbox: "none",
          version: "1",
        },
      });
      bench.#verifying = bench.#verify();
    } catch (error) {
      await bench[Symbol.asyncDispose]();
      throw error;
    }
    return bench;
  }

  async startServer(): Promise<void> {
    const port = this.url === "" ? "0" : new URL(this.url).port;
    const { child, message } = await startPart("server", ["--data", this.data, "--port", port, ...(this.#options.serverFlags ?? [])], () => undefined);
    this.#server = child;
    this.url = (message as { url: string }).url;
    this.admin = await this.client("admin");
    this.#worker = await this.client("worker");
  }

  async killServer(): Promise<void> {
    await end(this.#server, "SIGKILL");
  }

  /** Starts the integrator; `url` is the server's where none is given. */
  async startIntegrator(url = this.url, ...flags: string[]): Promise<void> {
    const token = join(this.data, "tokens", "integrator.token");
    const { child } = await startPart("integrator", ["--data", this.data, "--url", url, "--token-file", token, ...flags], (line) => {
      this.logLines.push(line);
      this.#onLog();
    });
    this.#integrator = child;
  }

  /** Another integrator, with a data folder of its own. */
  async startOtherIntegrator(): Promise<void> {
    const token = join(this.data, "tokens", "integrator.token");
    const { child } = await startPart("integrator", ["--data", join(this.data, "other"), "--url", this.url, "--token-file", token], () => undefined);
    this.#others.push(child);
  }

  get integratorPid(): number | undefined {
    return this.#integrator?.pid;
  }

  signalIntegrator(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#integrator?.kill(signal);
  }

  /** Verify jobs that are claimed from now on wait for `release` before every gate passes; `asked` resolves at the first. */
  holdVerification(): { readonly asked: Promise<void>; readonly release: () => void } {
    const asked = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    this.verifier = async () => {
      asked.resolve();
      await released.promise;
      return 0;
    };
    return { asked: asked.promise, release: released.resolve };
  }

  /** Ends the channel to the integrator, as a parent that dies does. */
  disconnectIntegrator(): void {
    this.#integrator?.disconnect();
  }

  /** The exit code of the integrator, once it has ended by itself. */
  async integratorExit(): Promise<number | null> {
    const child = this.#integrator;
    if (child && child.exitCode === null && child.signalCode === null) await once(child, "exit");
    return child?.exitCode ?? null;
  }

  /** Resolves when there is such a file. */
  async seen(file: string): Promise<void> {
    for (const { signal } = this.#stop; ; ) {
      if (existsSync(file)) return;
      await once(watch(dirname(file), { signal }), "change");
    }
  }

  /** The first line of the integrators' logs that fits, now or later. */
  async logged(fits: (line: LogLine) => boolean): Promise<LogLine> {
    for (;;) {
      const found = this.logLines.find(fits);
      if (found) return found;
      await new Promise<void>((resolve) => {
        this.#onLog = resolve;
      });
    }
  }

  async killIntegrator(signal: "SIGKILL" | "SIGTERM" = "SIGKILL"): Promise<number | null> {
    return await end(this.#integrator, signal);
  }

  async client(role: "admin" | "worker" | "integrator"): Promise<Client> {
    return new Client({ url: this.url, token: (await readFile(join(this.data, "tokens", `${role}.token`), "utf8")).trim() });
  }

  /** A job that is done by the test: submitted, claimed, its commit pushed and reported. From here on the integrator has it. */
  async finishedJob(target: string, files: Record<string, string>, base = "main", priority = 0): Promise<string> {
    const { job } = await this.admin.call("submitJob", {
      body: { repo: this.#hubRepository.id, task: `Change ${Object.keys(files).join(", ")}`, target, base, backend: "script", priority },
    });
    const { claim } = await this.#worker.call("claim", { body: { claimId: newId(), workerId: this.#workerId, kinds: ["task"], waitMs: 10_000 } });
    if (claim?.job.id !== job.id) throw new Error(`expected to claim ${job.id}, got ${claim?.job.id}`);
    const oid = await this.commit(claim.job.baseOid, files);
    const authorization = `Basic ${Buffer.from(`attempt:${claim.hub.credential}`).toString("base64")}`;
    await git(
      this.repository.root,
      "-c",
      `http.extraHeader=Authorization: ${authorization}`,
      "push",
      "--quiet",
      claim.hub.jobsUrl,
      `${oid}:${claim.hub.pushRef}`,
    );
    const outcome = { kind: "change", oid, diffStat: { files: Object.keys(files).length, insertions: 1, deletions: 0 } } as const;
    await this.#worker.call("finish", { params: { job: job.id, fence: claim.fence }, body: { outcome } });
    return job.id;
  }

  /** A commit of these files on top of `parent`, in the user's own repository, on no branch. */
  async commit(parent: string, files: Record<string, string>, message = `Change ${Object.keys(files).join(", ")}`): Promise<string> {
    const { root } = this.repository;
    await git(root, "checkout", "--quiet", "--detach", parent);
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    }
    await git(root, "add", "--all");
    await git(root, "commit", "--quiet", "--message", message);
    const oid = await git(root, "rev-parse", "HEAD");
    await git(root, "checkout", "--quiet", "main");
    return oid;
  }

  /** A user moves a hub branch forward by one commit of these files. */
  async moveBranch(branch: string, files: Record<string, string>, message?: string): Promise<string> {
    const { oid: present } = await this.branch(branch);
    if (present === null) throw new Error(`${branch} does not exist`);
    await this.fetchFromHub(present);
    const oid = await this.commit(present, files, message);
    await git(this.repository.root, "branch", "--force", `moved-${oid.slice(0, 8)}`, oid);
    await this.admin.call("syncRepository", { params: { repo: this.#hubRepository.id }, body: {} });
    await this.admin.call("syncBranch", { params: { repo: this.#hubRepository.id }, body: { branch, oid } });
    return oid;
  }

  /** The hub's commit of a branch. */
  async branch(branch: string): Promise<{ oid: string | null }> {
    return await this.admin.call("getBranch", { params: { repo: this.#hubRepository.id }, query: { branch } });
  }

  /** Subjects of a hub branch, newest first. */
  async history(branch: string): Promise<string[]> {
    const { oid } = await this.branch(branch);
    if (oid === null) return [];
    return (await this.hubGit("log", "--format=%s", oid)).split("\n");
  }

  /** Runs git on the hub's upstream store, to look at what landed. */
  async hubGit(...args: string[]): Promise<string> {
    return await git(join(this.data, "server", "hub", this.#hubRepository.id, "upstream.git"), ...args);
  }

  /** Paths of a commit that is in the hub, landed or not. */
  async filesOf(oid: string): Promise<string[]> {
    return (await git(join(this.data, "server", "hub", this.#hubRepository.id, "jobs.git"), "ls-tree", "-r", "--name-only", oid)).split("\n");
  }

  get repo(): string {
    return this.#hubRepository.id;
  }

  /** Makes the user's own branch what the hub has, where the repository's address is another one. */
  async fetchBranch(branch: string): Promise<void> {
    const upstream = join(this.data, "server", "hub", this.#hubRepository.id, "upstream.git");
    await git(this.repository.root, "checkout", "--quiet", "--detach");
    await git(this.repository.root, "fetch", "--quiet", upstream, `+refs/upstream/${branch}:refs/heads/${branch}`);
    await git(this.repository.root, "checkout", "--quiet", branch);
  }

  async fetchFromHub(oid: string): Promise<void> {
    await git(this.repository.root, "fetch", "--quiet", join(this.data, "server", "hub", this.#hubRepository.id, "upstream.git"), oid);
  }

  /** The job once it is final. */
  async ended(job: string): Promise<JobDetail> {
    for (;;) {
      const detail = await this.admin.call("getJob", { params: { job }, query: { waitMs: 30_000 } });
      if (["done", "failed", "cancelled"].includes(detail.job.state)) return detail;
    }
  }

  /** Claims verify jobs and answers each with receipts, several at once. */
  async #verify(): Promise<void> {
    const { signal } = this.#stop;
    const atWork = new Set<Promise<void>>();
    while (!signal.aborted) {
      try {
        const { claim } = await this.#worker.call("claim", { body: { claimId: newId(), workerId: this.#workerId, kinds: ["verify"], waitMs: 30_000 }, signal });
        if (!claim?.verify) continue;
        const work = this.#answer(claim).finally(() => atWork.delete(work));
        atWork.add(work);
      } catch (error) {
        if (signal.aborted) break;
        if ((error as { code?: string }).code !== "SERVER_UNAVAILABLE") throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    await Promise.allSettled(atWork);
  }

  async #answer(claim: Claim): Promise<void> {
    const spec = claim.verify;
    if (!spec) return;
    const params = { job: claim.job.id, fence: claim.fence };
    const renewing = setInterval(() => {
      this.#worker.call("renew", { params, body: {} }).catch(() => undefined); // the answer's own call tells of a lost lease
    }, LEASE_RENEW_MS);
    try {
      const exitCode = await this.verifier(claim);
      const same = {
        tree: spec.tree,
        setupDigest: setupDigest(spec.config),
        image: "none",
        environmentDigest: DIGEST,
        outputDigest: DIGEST,
        durationMs: 1,
        exitCode,
      };
      const receipts = spec.config.gates.map((gate) => ({ ...same, gate: gate.name, command: gate.run }));
      await this.#worker.call("finish", { params, body: { outcome: { kind: "verified", receipts } } });
      this.verified.push(spec.mergedOid);
    } catch (error) {
      // The completion was cancelled meanwhile, and its verify job with it.
      if ((error as { code?: string }).code !== "LEASE_LOST") throw error;
    } finally {
      clearInterval(renewing);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#integrator?.kill("SIGCONT");
    for (const child of [this.#integrator, ...this.#others]) await end(child, "SIGTERM");
    await this.#verifying;
    await end(this.#server, "SIGTERM");
    await this.repository[Symbol.asyncDispose]();
    await rm(this.data, { recursive: true, force: true });
  }
}

async function startPart(part: string, args: string[], onLog: (line: LogLine) => void): Promise<{ child: ChildProcess; message: unknown }> {
  const child = spawn(process.execPath, ["--disable-sigusr1", join(ROOT, "apps", part, "src", "main.ts"), ...args], {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "/", SLIPWAY_LOG_LEVEL: "debug" },
  });
  const output: string[] = [];
  if (child.stderr) {
    createInterface(child.stderr).on("line", (line) => {
      output.push(line);
      if (line.startsWith("{")) onLog(JSON.parse(line) as LogLine);
    });
  }
  const ready = await Promise.race([once(child, "message"), once(child, "exit").then(() => undefined)]);
  if (!ready) throw new Error(`${part} ended before it was ready:\n${output.join("\n").slice(-4_000)}`);
  return { child, message: ready[0] };
}

/** Ends a process and waits until it is gone; its exit code. */
async function end(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<number | null> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
  const gone = once(child, "exit");
  child.kill(signal);
  await gone;
  return child.exitCode;
}
