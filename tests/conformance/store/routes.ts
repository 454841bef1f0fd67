import type { Routing } from "@slipway/protocol/routing";
import { expect, test } from "vitest";
import { addRepository, allEvents, change, failed, newJob, type OpenedStore, submit, take } from "./fixtures.ts";

const ROUTE: Routing = {
  asked: "script",
  needs: [],
  route: [
    { backend: "script", config: { steps: [] }, automatic: false },
    { backend: "other", config: { model: "small" }, automatic: false },
  ],
  at: 0,
  cause: "submit",
  candidates: [{ backend: "script", taken: true, reason: "the job's own choice" }],
};

/** How jobs come to their backend, and what is known of backends. */
export function routes(current: () => OpenedStore): void {
  test("a job keeps its route, and tells of the choice", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const { job } = await store.submitJob(newJob(repoId, { routing: ROUTE }));
    expect(job.routing).toEqual(ROUTE);
    expect((await allEvents(store, job.id)).at(-1)).toMatchObject({
      kind: "routing",
      data: { cause: "submit", backend: "script", from: null, candidates: ROUTE.candidates },
    });
    expect((await store.getJob(await submit(store, repoId)))?.routing).toBeNull();
  });

  test("a queued job is moved to another stop, unless it is no longer where it was seen", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const id = await submit(store, repoId, { routing: ROUTE, requires: ["os:linux", "backend:script"] });
    const next: Routing = { ...ROUTE, at: 1, cause: "circuit", candidates: [{ backend: "other", taken: true, reason: "the first that can go on" }] };
    expect(await store.rerouteJob(id, { fence: 1, backend: "script", at: 0 }, next)).toBeUndefined();
    expect(await store.rerouteJob(id, { fence: 0, backend: "other", at: 0 }, next)).toBeUndefined();
    const moved = await store.rerouteJob(id, { fence: 0, backend: "script", at: 0 }, next);
    expect(moved).toMatchObject({ backend: "other", backendConfig: { model: "small" }, requires: ["os:linux", "backend:other"], routing: next });
    expect((await allEvents(store, id)).at(-1)).toMatchObject({ kind: "routing", data: { cause: "circuit", backend: "other", from: "script" } });
    const { fence } = await take(store, { capabilities: ["os:linux", "backend:other"] });
    expect(await store.rerouteJob(id, { fence, backend: "other", at: 1 }, ROUTE)).toBeUndefined();
    expect((await store.getJobDetail(id))?.attempts).toMatchObject([{ backend: "other" }]);
  });

  test("what is known of a backend is of its own attempts", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const usage = (costUsd: number, inputTokens: number) => [
      { ordinal: 1, at: 1, event: { kind: "usage" as const, data: { ...NOTHING, costUsd, inputTokens } } },
    ];
    for (const [outcome, costUsd, tokens] of [
      [change, 1, 100],
      [failed("NO_CHANGE"), 3, 300],
      [failed("BACKEND_FAILED"), 0, 0],
    ] as const) {
      await submit(store, repoId);
      const { jobId, fence } = await take(store);
      if (tokens > 0) await store.appendEvents(jobId, fence, usage(costUsd, tokens));
      await store.finish(jobId, fence, outcome);
    }
    await submit(store, repoId);
    await take(store);
    expect(await store.backendRecords(["script", "other"])).toEqual([
      { backend: "script", ended: 3, faults: 1, running: 1, cost: { jobs: 2, usd: 2, tokens: 200 } },
      { backend: "other", ended: 0, faults: 0, running: 0, cost: null },
    ]);
  });
}

const NOTHING = { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0, costUsd: 0 };
