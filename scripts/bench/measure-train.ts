import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pushBase } from "@slipway/git/checkout";
import { gitText, runGit } from "@slipway/git/exec";
import type { Client } from "@slipway/protocol/client";
import { newId } from "@slipway/protocol/scalars";
import { setupDigest } from "@slipway/protocol/setup-digest";
import { type Claim, LEASE_RENEW_MS } from "@slipway/protocol/worker-api";
import { BenchStack } from "./bench-stack.ts";
import { type Figure, figure } from "./figures.ts";

const SLOTS = 4;
const DIGEST = "0".repeat(64);

/** Changes that are ready at the same time, landed on one branch: as a train, in batches and one after the other. The verify slots answer after the gates' time and run nothing. */
export async function measureTrain(quick: boolean): Promise<Figure[]> {
  await using stack = await BenchStack.start(["integrator"]);
  const stop = new AbortController();
  const verifier = new Verifier(stack.client("worker"));
  await verifier.register();
  const working = Promise.all(Array.from({ length: SLOTS }, () => verifier.run(stop.signal)));
  try {
    const changes = quick ? 6 : 12;
    const gateMs = quick ? 1_000 : 2_000;
    verifier.gateMs = 0;
    const bare = await landAll(stack, verifier, { changes, parallel: 1 });
    verifier.gateMs = gateMs;
    const serial = await landAll(stack, verifier, { changes, parallel: 1 });
    const batches = await landAll(stack, verifier, { changes, parallel: 1, batch: SLOTS });
    const train = await landAll(stack, verifier, { changes, parallel: SLOTS });
    const both = await landAll(stack, verifier, { changes, parallel: SLOTS, batch: SLOTS });
    const note = `${changes} changes, gates of ${gateMs / 1_000} s`;
    return [
      figure("own overhead of a landing", "ms", bare.gapsMs, { of: "median", limit: 1_000, side: "below" }, "one after the other, with gates of no time"),
      figure("landings, one after the other", "jobs/s", [changes / (serial.totalMs / 1_000)], undefined, note),
      figure(`landings, a train of ${SLOTS}`, "jobs/s", [changes / (train.totalMs / 1_000)], undefined, note),
      figure(
        `landings, batches of ${SLOTS} one after the other`,
        "jobs/s",
        [changes / (batches.totalMs / 1_000)],
        undefined,
        `${note}, one verify slot at a time`,
      ),
      figure(`landings, a train of ${SLOTS} batches of ${SLOTS}`, "jobs/s", [changes / (both.totalMs / 1_000)], undefined, note),
      figure(`batches of ${SLOTS} against one after the other`, "×", [serial.totalMs / batches.totalMs], { of: "median", limit: 1.5, side: "above" }, note),
      figure(`a train of ${SLOTS} against one after the other`, "×", [serial.totalMs / train.totalMs], { of: "median", limit: 2, side: "above" }, note),
    ];
  } finally {
    stop.abort();
    await working;
  }
}

/** Prepares changes on a repository of their own, lets them go at the same moment and waits until all have landed. */
async function landAll(
  stack: BenchStack,
  verifier: Verifier,
  { changes, parallel, batch = 1 }: { readonly changes: number; readonly parallel: number; readonly batch?: number },
): Promise<{ totalMs: number; gapsMs: number[] }> {
  let root = "";
  const config = { landing: { train: { parallel, batch } } };
  const fill = async (folder: string): Promise<void> => {
    root = folder;
  };
  const { repository, oid } = await stack.repository(100, "true", { config, fill });
  const admin = stack.client();
  await admin.call("syncBranch", { params: { repo: repository.id }, body: { branch: "main", oid } });
  await admin.call("freezeTrain", { params: { repo: repository.id }, body: { target: "main", reason: "the bench gets ready" } });
  const ids: string[] = [];
  for (let index = 0; index < changes; index += 1) {
    const { id } = await stack.submit({ repo: repository.id, task: `change ${index}`, base: oid, target: "main", backend: "script" });
    await verifier.finishTask(root, `new-${index}.txt`);
    ids.push(id);
  }
  const startedAt = Date.now();
  await admin.call("resumeTrain", { params: { repo: repository.id }, body: {} });
  const ends = await Promise.all(ids.map((id) => endOf(admin, id)));
  const times = [startedAt, ...ends].toSorted((a, b) => a - b);
  return { totalMs: Math.max(...ends) - startedAt, gapsMs: times.slice(1).map((time, index) => time - (times[index] ?? startedAt)) };
}

/** When the job landed, by the server's clock. */
async function endOf(client: Client, id: string): Promise<number> {
  for (;;) {
    const { job } = await client.call("getJob", { params: { job: id }, query: { waitMs: 30_000 } });
    if (job.endedAt === null) continue;
    if (job.state !== "done") throw new Error(`a change of the bench is ${job.state} ${job.failure?.code ?? ""} ${job.failure?.message ?? ""}`);
    return job.endedAt;
  }
}

/** A worker that runs nothing: it hands in commits that the bench makes, and says after a while that gates are green. */
class Verifier {
  gateMs = 0;
  readonly #client: Client;
  readonly #id = newId();

  constructor(client: Client) {
    this.#client = client;
  }

  async register(): Promise<void> {
    const capabilities = { resume: false, usage: false, plan: false, model: false };
    const manifest = { manifestVersion: 1 as const, name: "script", version: "1.0.0", summary: "bench", capabilities };
    await this.#client.call("registerWorker", {
      body: {
        workerId: this.#id,
        name: "bench",
        slots: 1,
        verifySlots: SLOTS,
        capabilities: ["backend:script", "sandbox:none"],
        backends: [{ ...manifest, configSchema: {}, secrets: [], image: { npm: [], apt: [] } }],
        sandbox: "none",
        version: "bench",
      },
    });
  }

  /** Takes the next task and ends it with a commit that adds one file. */
  async finishTask(root: string, path: string): Promise<void> {
    const { claim } = await this.#client.call("claim", { body: { claimId: newId(), workerId: this.#id, kinds: ["task"], waitMs: 10_000 } });
    if (!claim) throw new Error("the job of the bench could not be claimed");
    const env = { GIT_INDEX_FILE: join(root, ".git", "bench-index") };
    await runGit(["read-tree", claim.job.baseOid], { cwd: root, env });
    const blob = await gitText(["hash-object", "-w", "--stdin"], { cwd: root, input: `${path}\n` });
    await runGit(["update-index", "--add", "--cacheinfo", `100644,${blob},${path}`], { cwd: root, env });
    const tree = await gitText(["write-tree"], { cwd: root, env });
    const oid = await gitText(["commit-tree", "-m", `Add ${path}`, "-p", claim.job.baseOid, tree], { cwd: root });
    await pushBase(root, { url: claim.hub.jobsUrl, credential: claim.hub.credential, oid, ref: claim.hub.pushRef });
    const outcome = { kind: "change" as const, oid, diffStat: { files: 1, insertions: 1, deletions: 0 } };
    await this.#client.call("finish", { params: { job: claim.job.id, fence: claim.fence }, body: { outcome } });
  }

  /** One verify slot. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const body = { claimId: newId(), workerId: this.#id, kinds: ["verify" as const], waitMs: 30_000 };
        const { claim } = await this.#client.call("claim", { body, signal });
        if (claim?.verify) await this.#answer(claim, signal);
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    }
  }

  async #answer({ job, fence, verify }: Claim, signal: AbortSignal): Promise<void> {
    if (!verify) return;
    const params = { job: job.id, fence };
    for (let left = this.gateMs; left > 0; left -= LEASE_RENEW_MS) {
      await delay(Math.min(left, LEASE_RENEW_MS), undefined, { signal });
      await this.#client.call("renew", { params, body: {} });
    }
    const same = { tree: verify.tree, setupDigest: setupDigest(verify.config), image: "none", environmentDigest: DIGEST, outputDigest: DIGEST };
    const receipts = verify.config.gates.map(({ name, run }) => ({ ...same, gate: name, command: run, exitCode: 0, durationMs: this.gateMs }));
    await this.#client.call("finish", { params, body: { outcome: { kind: "verified", receipts } } });
  }
}
