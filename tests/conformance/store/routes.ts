import type { AppendableEvent } from "@slipway/protocol/events";
import type { Routing } from "@slipway/protocol/routing";
import { expect, test } from "vitest";
import { addRepository, allEvents, change, claimRequest, failed, newJob, type OpenedStore, oid, submit, take } from "./fixtures.ts";

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

  test("a failover passes over stops that are closed, and fails where no other is left", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const route = [...ROUTE.route, { backend: "third", config: {}, automatic: true }];
    const id = await submit(store, repoId, { routing: { ...ROUTE, route }, requires: ["backend:script"] });
    await store.finish(id, (await take(store)).fence, failed("BACKEND_QUOTA"), [1]);
    expect(await store.getJob(id)).toMatchObject({ state: "queued", backend: "third", routing: { at: 2, cause: "failover" } });
    const other = await submit(store, repoId, { routing: { ...ROUTE, route }, requires: ["backend:script"] });
    await store.finish(other, (await take(store)).fence, failed("BACKEND_QUOTA"), [1, 2]);
    expect(await store.getJob(other)).toMatchObject({ state: "blocked", backend: "script", failure: { code: "BACKEND_QUOTA" } });
  });

  test("a claim leaves jobs whose agent is not there, but for those that name a program of their own", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const config = (program: Record<string, string>) => ({ backendConfig: { steps: [], ...program }, requires: ["backend:script"] });
    const usual = await submit(store, repoId, config({}));
    const own = await submit(store, repoId, config({ command: "/opt/agent" }));
    const claim = async (absentAgents: Record<string, string>) => (await store.claim(claimRequest({ absentAgents })))?.job.id;
    expect(await claim({ script: "" })).toBeUndefined();
    expect(await claim({ script: "python" })).toBeUndefined();
    expect(await claim({ script: "command" })).toBe(own);
    expect(await claim({ script: "command" })).toBeUndefined();
    expect(await claim({ other: "" })).toBe(usual);
  });

  test("where the backend cannot go on the next one of the route does, with all attempts and with what was left to it", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const id = await submit(store, repoId, { routing: ROUTE, requires: ["os:linux", "backend:script"], maxAttempts: 2 });
    const first = await take(store);
    await store.appendEvents(id, first.fence, [
      event(1, { kind: "plan", data: { items: [{ text: "old", status: "open" }] } }),
      event(2, { kind: "message", data: { role: "reasoning", text: "hm" } }),
      ...["one", "two", "three", "four"].map((text, index) => event(3 + index, { kind: "message", data: { role: "agent", text } })),
      event(7, { kind: "plan", data: { items: [{ text: "write", status: "done" }] } }),
    ]);
    // While it is tried again it stays where it is.
    await store.finish(id, first.fence, failed("BACKEND_RATE_LIMITED", 0));
    expect(await store.getJob(id)).toMatchObject({ state: "queued", backend: "script", attempts: 1, handover: null });
    const second = await take(store);
    const kept = { oid: oid("kept"), diffStat: { files: 1, insertions: 1, deletions: 0 } };
    await store.appendEvents(id, second.fence, [event(1, { kind: "message", data: { role: "agent", text: `${"x".repeat(5_000)} the end` } })]);
    const moved = await store.finish(id, second.fence, { ...failed("BACKEND_RATE_LIMITED"), kept });
    expect(moved).toMatchObject({ state: "queued", backend: "other", backendConfig: { model: "small" }, requires: ["os:linux", "backend:other"], attempts: 0 });
    expect(moved.routing).toMatchObject({ asked: "script", at: 1, cause: "failover", candidates: [{ backend: "other", taken: true }, { backend: "script" }] });
    expect(moved.handover).toMatchObject({ backend: "script", fence: 2, failure: { code: "BACKEND_RATE_LIMITED" }, oid: kept.oid, plan: [] });
    expect(moved.handover?.messages).toEqual([expect.stringMatching(/^…x{1000,1999} the end$/)]);
    expect((await allEvents(store, id)).slice(-2)).toMatchObject([
      { kind: "state", fence: 2, data: { from: "running", on: "failover", to: "queued", code: "BACKEND_RATE_LIMITED" } },
      { kind: "routing", data: { cause: "failover", backend: "other", from: "script" } },
    ]);
    // The same report again changes nothing more.
    expect((await store.finish(id, second.fence, { ...failed("BACKEND_RATE_LIMITED"), kept })).routing?.at).toBe(1);

    const last = await take(store, { capabilities: ["os:linux", "backend:other"] });
    const ended = await store.finish(id, last.fence, failed("BACKEND_QUOTA"));
    expect(ended).toMatchObject({ state: "blocked", backend: "other", failure: { code: "BACKEND_QUOTA" } });
    expect((await store.getJobDetail(id))?.attempts.map(({ backend }) => backend)).toEqual(["script", "script", "other"]);
  });

  test.each(["BACKEND_AUTH", "BACKEND_FAILED", "MODEL_REFUSED", "CONTEXT_TOO_LONG", "SECRET_MISSING"] as const)("%s moves it on at once", async (code) => {
    const { store } = current();
    const id = await submit(store, (await addRepository(store)).id, { routing: ROUTE });
    const { fence } = await take(store);
    expect(await store.finish(id, fence, failed(code))).toMatchObject({ state: "queued", backend: "other", failure: null, handover: { oid: null } });
  });

  test.each([
    ["NO_CHANGE", "failed"],
    ["GATES_FAILED", "failed"],
    ["SANDBOX_UNAVAILABLE", "blocked"],
    ["BUDGET_EXCEEDED", "failed"],
  ] as const)("%s is not the backend's fault: the job ends as %s", async (code, state) => {
    const { store } = current();
    const id = await submit(store, (await addRepository(store)).id, { routing: ROUTE });
    const { fence } = await take(store);
    expect(await store.finish(id, fence, failed(code))).toMatchObject({ state, backend: "script", handover: null });
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

function event(ordinal: number, body: AppendableEvent): { ordinal: number; at: number; event: AppendableEvent } {
  return { ordinal, at: 1, event: body };
}

const NOTHING = { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0, costUsd: 0 };
