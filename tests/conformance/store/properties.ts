import type { JobEvent } from "@slipway/protocol/events";
import { nextState } from "@slipway/protocol/states";
import type { Outcome } from "@slipway/protocol/worker-api";
import type { Store } from "@slipway/server/store/store";
import fc from "fast-check";
import { expect, test } from "vitest";
import { sampleRevision } from "../../support/sample-revision.ts";
import {
  addRepository,
  allEvents,
  change,
  claimRequest,
  completionClaim,
  failed,
  type Lease,
  newJob,
  type OpenStore,
  oid,
  receipt,
  submit,
  verifySpec,
} from "./fixtures.ts";

/** What a random walk has in hand; leases stay in it when they are over, so that stale writes are tried as often as good ones. */
interface Walk {
  readonly store: Store;
  readonly repoId: string;
  readonly jobs: string[];
  readonly leases: Lease[];
  readonly completions: Array<{ id: string; fence: number }>;
}

type Step = { readonly verb: keyof typeof VERBS; readonly pick: number };

/** Of the newest few, so that a walk gets somewhere; among them are stale ones enough. */
function pickFrom<T>(from: readonly T[], pick: number): T | undefined {
  return from.at(-1 - (pick % Math.max(1, Math.min(from.length, 4))));
}

async function finishWith(walk: Walk, pick: number, outcome: Outcome): Promise<void> {
  const lease = pickFrom(walk.leases, pick);
  if (lease) await walk.store.finish(lease.jobId, lease.fence, outcome);
}

async function onCompletion(walk: Walk, pick: number, act: (id: string, fence: number) => Promise<unknown>): Promise<void> {
  const completion = pickFrom(walk.completions, pick);
  if (completion) await act(completion.id, completion.fence);
}

const VERBS = {
  submit: async ({ store, repoId, jobs }: Walk, pick: number) => {
    const dependency = pick % 3 === 0 ? pickFrom(jobs, pick) : undefined;
    const queueTimeoutMs = pick % 7 === 0 ? 20 : 86_400_000;
    jobs.push(await submit(store, repoId, { maxAttempts: 1 + (pick % 3), dependsOn: dependency ? [dependency] : [], queueTimeoutMs }));
  },
  claim: async ({ store, leases }: Walk) => {
    const claimed = await store.claim(claimRequest());
    if (claimed) leases.push({ jobId: claimed.job.id, fence: claimed.fence });
  },
  expire: async ({ store, leases }: Walk, pick: number) => {
    const lease = pickFrom(leases, pick);
    if (lease) await store.renew(lease.jobId, lease.fence, "worker-1", 0);
  },
  append: async ({ store, leases }: Walk, pick: number) => {
    const lease = pickFrom(leases, pick);
    const event = { kind: "log" as const, data: { stream: "stdout", offset: 0, text: "x".repeat(pick % 40), encoding: "utf8" as const } };
    if (lease)
      await store.appendEvents(
        lease.jobId,
        lease.fence,
        [1, 2, 3].map((step) => ({ ordinal: (pick % 5) + step, at: 1, event })),
      );
  },
  finishChange: (walk: Walk, pick: number) => finishWith(walk, pick, change),
  finishVerified: (walk: Walk, pick: number) => finishWith(walk, pick, { kind: "verified", receipts: [receipt(oid("tree a"), "test", 0)] }),
  finishRequeue: (walk: Walk, pick: number) => finishWith(walk, pick, failed("RUNNER_LOST")),
  finishStopped: (walk: Walk, pick: number) => finishWith(walk, pick, failed("WORKER_STOPPED")),
  finishFinal: (walk: Walk, pick: number) => finishWith(walk, pick, failed("NO_CHANGE")),
  finishBlocked: (walk: Walk, pick: number) => finishWith(walk, pick, failed("SECRET_MISSING")),
  cancel: async ({ store, jobs }: Walk, pick: number) => {
    const jobId = pickFrom(jobs, pick);
    if (jobId) await store.cancelJob(jobId, "a random walk");
  },
  unblock: async ({ store, jobs }: Walk, pick: number) => {
    const jobId = pickFrom(jobs, pick);
    if (jobId) await store.unblockJob(jobId);
  },
  claimCompletion: async ({ store, completions }: Walk) => {
    const claimed = await store.claimCompletion(completionClaim());
    if (claimed) completions.push({ id: claimed.completion.id, fence: claimed.fence });
  },
  expireCompletion: (walk: Walk, pick: number) => onCompletion(walk, pick, (id, fence) => walk.store.renewCompletion(id, fence, 0)),
  verify: (walk: Walk, pick: number) =>
    onCompletion(walk, pick, (id, fence) => walk.store.requestVerification(id, fence, verifySpec(id, "a"), newJob(walk.repoId, { kind: "verify" }))),
  intend: (walk: Walk, pick: number) =>
    onCompletion(walk, pick, (id, fence) => walk.store.intendLanding(id, fence, { target: "main", oldOid: null, newOid: oid("new") })),
  withdraw: (walk: Walk, pick: number) => onCompletion(walk, pick, (id, fence) => walk.store.withdrawLanding(id, fence)),
  mark: (walk: Walk, pick: number) => onCompletion(walk, pick, (id, fence) => walk.store.markLanded(id, pick % 2 === 0 ? fence : null)),
  reject: (walk: Walk, pick: number) =>
    onCompletion(walk, pick, (id, fence) => walk.store.rejectCompletion(id, fence, { code: "MERGE_CONFLICT", message: "no", details: {} })),
  revise: (walk: Walk, pick: number) =>
    onCompletion(walk, pick, (id, fence) =>
      walk.store.rejectCompletion(id, fence, { code: "MERGE_CONFLICT", message: "no", details: {} }, { revision: sampleRevision(), reason: "again" }),
    ),
  reap: ({ store }: Walk) => store.reap(),
  pack: ({ store }: Walk) => store.packFinalJobs(2),
} satisfies Record<string, (walk: Walk, pick: number) => Promise<unknown>>;

/** What a step may be refused with; anything else is a mistake in the store. */
const REFUSALS = ["LEASE_LOST", "CONFLICT", "INVALID_REQUEST"];

const verbs = Object.keys(VERBS) as Array<keyof typeof VERBS>;
// The way to a landing is long, so its steps are drawn more often than the others.
const forward = ["submit", "claim", "claim", "finishChange", "claimCompletion", "verify", "intend", "mark", "finishVerified"] as const;
const step = fc.record({ verb: fc.oneof(fc.constantFrom(...verbs), fc.constantFrom(...forward), fc.constantFrom(...forward)), pick: fc.nat({ max: 60 }) });

/** What to do to a store, in rounds of calls that come together. */
export const rounds = fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { minLength: 40, maxLength: 80 });

export function properties(open: OpenStore): void {
  test("whatever is called in whatever order, together or not, the invariants hold", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(rounds, fc.boolean(), async (walk, isHasty) => {
        const opened = await open({ logLimitBytesPerJob: 120, ...(isHasty && { stateLimits: { overtimeMs: -59_980, integratingMs: 20, blockedMs: 20 } }) });
        try {
          await walkThrough(opened.store, walk);
          for (const { id } of await opened.store.listJobs({ limit: 1_000 })) await checkJob(opened.store, id);
        } finally {
          await opened.close();
        }
      }),
      { numRuns: 20 },
    );
  });
}

/** Takes a store through the rounds; what is refused has one of the codes that a caller may meet. */
export async function walkThrough(store: Store, rounds: Step[][]): Promise<void> {
  const walk: Walk = { store, repoId: (await addRepository(store, { maxRunning: 3 })).id, jobs: [], leases: [], completions: [] };
  for (const round of rounds) {
    const answers = await Promise.allSettled(round.map(({ verb, pick }) => VERBS[verb](walk, pick)));
    for (const answer of answers) if (answer.status === "rejected") expect(REFUSALS).toContain(answer.reason.code);
  }
  const jobs = await store.listJobs({ limit: 1_000 });
  expect(jobs.map((job) => job.number)).toEqual(jobs.map((_, index) => jobs.length - index));
  expect(jobs.filter((job) => job.state === "running" && job.kind === "task").length).toBeLessThanOrEqual(3);
}

async function checkJob(store: Store, jobId: string): Promise<void> {
  const detail = await store.getJobDetail(jobId);
  const events = await allEvents(store, jobId, 50);
  expect(events.map((event) => event.seq)).toEqual(Array.from({ length: detail?.job.lastSeq ?? 0 }, (_, index) => index + 1));
  checkMoves(events, detail?.job.state);
  const atWork = detail?.attempts.filter((attempt) => attempt.outcome === "running") ?? [];
  expect(atWork.map((attempt) => attempt.fence)).toEqual(detail?.job.state === "running" ? [detail.job.fence] : []);
  expect(detail?.job.leaseUntil !== null).toBe(detail?.job.state === "running");
  const waitsForJobs = detail?.job.state === "queued" && (await store.waitingFor(jobId)).dependencies.length > 0;
  expect(detail?.job.dueAt !== null).toBe(detail?.job.endedAt === null && !waitsForJobs);
  expect(events.filter((event) => event.kind === "state" && event.data.on === "land").length).toBe(detail?.completion?.state === "landed" ? 1 : 0);
}

function checkMoves(events: JobEvent[], endState: string | undefined): void {
  let state: string | null = null;
  for (const event of events) {
    if (event.kind !== "state") continue;
    expect(event.data.from).toBe(state);
    if (event.data.from !== null) expect(nextState(event.data.from, event.data.on)).toBe(event.data.to);
    state = event.data.to;
  }
  expect(state).toBe(endState);
}
