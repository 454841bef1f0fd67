import { newId } from "@slipway/protocol/scalars";
import type { NewJob } from "./rows.ts";
import type { Store } from "./store.ts";

export interface StoreRates {
  readonly jobs: number;
  readonly callers: number;
  /** Durable submissions a second. */
  readonly submitPerSecond: number;
  /** Durable claims, each with its finish, a second. */
  readonly claimFinishPerSecond: number;
}

/** Puts `jobs` jobs through the store from `callers` parallel callers; the store should be an empty one. */
export async function measureStore(store: Store, jobs: number, callers = 64): Promise<StoreRates> {
  const { repository } = await store.createRepository({ id: newId(), name: "bench", url: null, defaultBranch: "main", maxRunning: jobs });
  const submitMs = await timed(callers, jobs, async () => {
    await store.submitJob(benchJob(repository.id));
  });
  const claimFinishMs = await timed(callers, jobs, async () => {
    const claimed = await store.claim({
      claimId: newId(),
      workerId: "bench",
      kinds: ["task"],
      capabilities: ["backend:script"],
      leaseTtlMs: 60_000,
      credentialSha256: "",
      modelTokenSha256: newId(),
      meteredBackends: [],
    });
    if (!claimed) throw new Error("the bench ran out of jobs");
    await store.finish(claimed.job.id, claimed.fence, { kind: "failed", failure: { code: "NO_CHANGE", message: "bench", details: {} } });
  });
  return { jobs, callers, submitPerSecond: (jobs / submitMs) * 1_000, claimFinishPerSecond: (jobs / claimFinishMs) * 1_000 };
}

/** Runs `step` `times` times, `callers` at once; answers the milliseconds that all of it took. */
async function timed(callers: number, times: number, step: () => Promise<void>): Promise<number> {
  let left = times;
  const started = performance.now();
  async function caller(): Promise<void> {
    while (left > 0) {
      left -= 1;
      await step();
    }
  }
  await Promise.all(Array.from({ length: callers }, caller));
  return performance.now() - started;
}

function benchJob(repoId: string): NewJob {
  return {
    id: newId(),
    kind: "task",
    repoId,
    task: "Measure the store.",
    title: "Measure the store",
    backend: "script",
    backendConfig: {},
    baseOid: "0".repeat(40),
    target: "main",
    lane: "normal",
    priority: 0,
    runAfter: null,
    dependsOn: [],
    dedupeKey: null,
    requires: ["backend:script"],
    maxAttempts: 3,
    budget: {},
    timeoutMs: 60_000,
    stallMs: 60_000,
    queueTimeoutMs: 86_400_000,
    retryOf: null,
    completionId: null,
  };
}
