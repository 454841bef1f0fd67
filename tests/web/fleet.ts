import type { Phase } from "@slipway/protocol/events";
import { newId } from "@slipway/protocol/scalars";
import type { NewJob, Store } from "@slipway/server/store/store";
import { addRepository, change, completionClaim, failed, newJob, oid } from "../conformance/store/fixtures.ts";
import { newCall, settlement, takePaid } from "../conformance/store/model-calls.ts";
import type { TestServer } from "../server/server-harness.ts";
import { git } from "../support/repository.ts";
import { sampleManifest } from "../support/sample-job.ts";

const HOUR_MS = 3_600_000;

/** An installation with something of everything, in its store as real jobs would have left it; its workers' signals are open until `close`. */
export interface Fleet extends AsyncDisposable {
  readonly workers: { readonly anvil: string; readonly forge: string; readonly tide: string };
  readonly numbers: { readonly blocked: number; readonly failed: number; readonly landed: number; readonly running: number; readonly waiting: number };
  /** The checkout that the repository `ship` is fetched from. */
  readonly shipRoot: string;
  /** Submits a job, and takes it as a worker does. */
  run(more: Partial<NewJob>, phase?: Phase): Promise<{ jobId: string; fence: number; number: number }>;
}

const RELEASE = { registry: "npm" as const, package: "@openai/codex", version: "0.169.0", tested: "0.169.x" };

/** Tells pages of a change that a test made in the store itself. */
export function tell(server: TestServer, jobId: string, what: "state" | "events" = "state"): void {
  server.server.plane.events.changed(jobId, what);
}

export async function startFleet(server: TestServer): Promise<Fleet> {
  const { store } = server.server.plane;
  const stop = new AbortController();
  const { view: ship, source } = await server.repository({ ".slipway.yaml": "version: 1\n", "hull.txt": "wood\n" }, "ship");
  const baseOid = await git(source.root, "rev-parse", "HEAD");
  const harbour = await addRepository(store, { name: "harbour", maxRunning: 2 });
  const workers = {
    anvil: await register(server, "anvil"),
    forge: await register(server, "forge"),
    tide: await register(server, "tide"),
  };
  for (const id of [workers.anvil, workers.tide]) await connect(server, id, stop.signal);
  const agents = [
    { backend: "codex", ok: true, version: "0.169.0", found: "codex 0.169.0", remedy: null },
    { backend: "claude-code", ok: false, version: null, found: "claude is not on PATH", remedy: "slipway backends install claude-code" },
  ];
  const warnings = ["the image slipway/aider:0.1.0 cannot be started ahead: no such image"];
  await server.client("worker").call("reportWorker", { params: { worker: workers.anvil }, body: { images: [], warnings, agents } });
  await server.client("admin").call("cordonWorker", { params: { worker: workers.tide }, body: { reason: "its disk is being replaced" } });

  const submit = async (repoId: string, more: Partial<NewJob>): Promise<{ id: string; number: number }> =>
    (await store.submitJob(newJob(repoId, { backend: "codex", baseOid, ...more }))).job;
  const run = async (more: Partial<NewJob>, phase: Phase = "turn", repoId = ship.id): Promise<{ jobId: string; fence: number; number: number }> => {
    const { id, number } = await submit(repoId, { priority: 900, ...more });
    const lease = await takePaid(store, { workerId: workers.anvil, leaseTtlMs: HOUR_MS, kinds: ["task"], meteredBackends: ["codex"] });
    if (lease.jobId !== id) throw new Error(`job ${number} was to be claimed`);
    const at = Date.now();
    await store.appendEvents(id, lease.fence, [
      { ordinal: 1, at: at - 90_000, event: { kind: "phase", data: { phase: "prepare", status: "started" } } },
      { ordinal: 2, at: at - 80_000, event: { kind: "phase", data: { phase, status: "started" } } },
    ]);
    const { callId } = await spend(store, lease.token);
    if (!callId) throw new Error("nothing was spent");
    tell(server, id);
    return { jobId: id, fence: lease.fence, number };
  };

  const land = async (title: string): Promise<number> => {
    const { jobId, fence, number } = await run({ title });
    await store.finish(jobId, fence, change);
    const claimed = await store.claimCompletion(completionClaim({ leaseTtlMs: HOUR_MS }));
    if (!claimed) throw new Error("there was no completion to claim");
    await store.intendLanding(claimed.completion.id, claimed.fence, { target: "main", oldOid: null, newOid: oid(title) });
    await store.markLanded(claimed.completion.id, claimed.fence);
    return number;
  };
  const end = async (title: string, code: Parameters<typeof failed>[0], more: Partial<NewJob> = {}): Promise<number> => {
    const { jobId, fence, number } = await run({ title, maxAttempts: 1, ...more });
    await store.finish(jobId, fence, failed(code));
    return number;
  };

  const landed = await land("Tell the harbour master when a ship is late");
  await land("The compass points north on the southern half too");
  const failedJob = await end("Raise the main sail by itself", "GATES_FAILED");
  await end("Sort the charts by depth", "GATES_FAILED", { dedupeKey: "login" });
  await end("Update the rope to version 4", "SETUP_FAILED");
  const blocked = await end("Count the barrels twice", "BACKEND_AUTH");
  // On its way: one in the train, one behind it.
  for (const title of ["Paint the hull without a brush", "Rename the crow's nest"]) {
    const { jobId, fence } = await run({ title });
    await store.finish(jobId, fence, change);
  }
  await store.claimCompletion(completionClaim({ leaseTtlMs: HOUR_MS, limits: [{ repoId: ship.id, target: "main", parallel: 1 }] }));
  const running = await run({ title: "Mend the login page, and say why it was broken", dedupeKey: "login" });
  await run({ title: "A quicker way to find a berth", lane: "interactive" }, "gates");
  for (const title of ["Berths have numbers", "Berths have names"]) await run({ title }, "setup", harbour.id);
  const waiting = await submit(harbour.id, { title: "Berths have lights" });
  await submit(harbour.id, { title: "Berths have water", lane: "background" });
  await submit(ship.id, { title: "Train a model of the tides", requires: ["gpu"] });
  await submit(ship.id, { title: "Nightly: look for leaks", runAfter: Date.now() + HOUR_MS, lane: "background" });
  await submit(ship.id, { title: "After that: describe what changed", dependsOn: [running.jobId] });
  return {
    workers,
    shipRoot: source.root,
    numbers: { blocked, failed: failedJob, landed, running: running.number, waiting: waiting.number },
    run,
    [Symbol.asyncDispose]: async () => stop.abort(),
  };
}

async function register(server: TestServer, name: string): Promise<string> {
  const workerId = newId();
  const backends = [
    sampleManifest("script", false),
    { ...sampleManifest("codex", true), summary: "OpenAI's Codex", release: RELEASE },
    sampleManifest("claude-code", true),
  ];
  const capabilities = ["backend:script", "backend:codex", "backend:claude-code", "os:linux", "sandbox:none"];
  const body = { workerId, name, slots: 6, verifySlots: 2, capabilities, backends, sandbox: "none" as const, version: "0.1.0" };
  await server.client("worker").call("registerWorker", { body });
  return workerId;
}

async function connect(server: TestServer, worker: string, signal: AbortSignal): Promise<void> {
  const opened = Promise.withResolvers<void>();
  void (async () => {
    for await (const _ of server.client("worker").signals(worker, { signal, onOpen: opened.resolve }));
  })().catch(() => undefined);
  await opened.promise;
}

async function spend(store: Store, token: string): Promise<{ callId: string }> {
  const call = newCall(token);
  await store.reserveCall(call);
  const usage = { inputTokens: 41_000, cachedInputTokens: 20_000, outputTokens: 2_300, reasoningTokens: 500, costUsd: 0.37 };
  await store.settleCall(settlement(call.callId, { usage }));
  return call;
}
