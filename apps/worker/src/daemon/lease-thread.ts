import { renameSync, writeFileSync } from "node:fs";
import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { parentPort, workerData } from "node:worker_threads";
import type { FromLeaseThread, LeaseThreadData, ToLeaseThread } from "./lease-messages.ts";

/**
 * The thread that renews leases. It shares nothing with the main thread but two words of memory: it has its own event loop and its own connection,
 * so neither a busy main thread nor a blocking git call can starve it. It imports nothing that imports anything: zod alone would cost it 15 MB.
 */

const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 1_000;
const ANSWER_LIMIT_BYTES = 65_536;

interface Lease {
  readonly id: number;
  readonly path: string | null;
  readonly givenUp: Int32Array;
  readonly ended: AbortController;
  files: readonly string[];
  ttlMs: number;
  deadlineMs: number;
}

type Renewal = { readonly kind: "renewed"; readonly ttlMs: number } | { readonly kind: "refused" | "trouble"; readonly message: string };

const data = workerData as LeaseThreadData;
const heartbeat = new BigInt64Array(data.heartbeat);
const base = new URL(data.url);
const secure = base.protocol === "https:";
const ca = data.authorities === undefined ? {} : { ca: [...data.authorities] };
const agent = secure ? new HttpsAgent({ keepAlive: true, maxSockets: 4, ...ca }) : new HttpAgent({ keepAlive: true, maxSockets: 4 });
const leases = new Map<number, Lease>();

parentPort?.on("message", (message: ToLeaseThread) => {
  if (message.type === "hold") hold(message);
  else if (message.type === "release") end(leases.get(message.id));
  else if (message.type === "close") close();
  else keepFilesOf(message);
});

function keepFilesOf({ id, number, files }: Extract<ToLeaseThread, { type: "files" }>): void {
  const lease = leases.get(id);
  if (lease) {
    lease.files = files;
    writeLeases(lease, lease.deadlineMs);
  }
  tell({ type: "written", id, number });
}

function hold(message: Extract<ToLeaseThread, { type: "hold" }>): void {
  const { id, path, files, ttlMs, deadlineMs } = message;
  const lease: Lease = { id, path, files, ttlMs, deadlineMs, givenUp: new Int32Array(message.givenUp), ended: new AbortController() };
  leases.set(id, lease);
  void keep(lease);
}

function end(lease: Lease | undefined): void {
  if (!lease) return;
  leases.delete(lease.id);
  lease.ended.abort();
}

function close(): void {
  for (const lease of leases.values()) end(lease);
  agent.destroy();
  parentPort?.close();
}

/** Ends when the main thread gives the lease up, the server refuses it, its deadline passes, or the main thread hangs. Never rejects. */
async function keep(lease: Lease): Promise<void> {
  for (let failures = 0; !isOver(lease); ) {
    const sentAt = monotonicNowMs();
    const silentMs = sentAt - Number(Atomics.load(heartbeat, 0));
    if (silentMs > data.hungMs) return lose(lease, "hung", `The worker's main thread has not moved for ${Math.round(silentMs)} ms.`);
    if (sentAt >= lease.deadlineMs) return lose(lease, "deadline", "The server did not renew the lease in time.");
    const renewal = await renew(lease, lease.deadlineMs - sentAt);
    if (isOver(lease)) return;
    if (renewal.kind === "refused") return lose(lease, "refused", renewal.message);
    if (renewal.kind === "renewed") {
      failures = 0;
      lease.ttlMs = renewal.ttlMs;
      // Counted from when the renewal was sent: the server began to count later, so the worker gives up first.
      lease.deadlineMs = sentAt + renewal.ttlMs;
      writeLeases(lease, lease.deadlineMs);
      tell({ type: "renewed", id: lease.id, deadlineMs: lease.deadlineMs });
      await wait(lease, data.renewMs);
    } else {
      if (failures === 0) tell({ type: "trouble", id: lease.id, message: renewal.message });
      failures += 1;
      await wait(lease, Math.min(RETRY_MIN_MS * 2 ** failures, RETRY_MAX_MS));
    }
  }
}

function isOver(lease: Lease): boolean {
  return lease.ended.signal.aborted || Atomics.load(lease.givenUp, 0) !== 0;
}

function lose(lease: Lease, reason: "refused" | "deadline" | "hung", message: string): void {
  // The main thread may be busy; the runner's own switch ends the sandbox then.
  writeLeases(lease, monotonicNowMs());
  end(lease);
  tell({ type: "lost", id: lease.id, reason, message });
}

function writeLeases(lease: Lease, deadlineMs: number): void {
  for (const file of lease.files) {
    try {
      writeLeaseFile(file, deadlineMs);
    } catch (error) {
      // The folder may be gone with its sandbox; anything else ends the sandbox at the deadline that is still in its file.
      tell({ type: "trouble", id: lease.id, message: `lease file ${file}: ${String(error)}` });
    }
  }
}

/** As `sandbox/lease-file.ts` does it, without what that file imports. */
function writeLeaseFile(path: string, deadlineMonotonicMs: number): void {
  writeFileSync(`${path}.next`, JSON.stringify({ deadlineMonotonicMs }), { mode: 0o600 });
  renameSync(`${path}.next`, path);
}

/** CLOCK_MONOTONIC in ms, the same in every thread and process. */
function monotonicNowMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}

/** One renewal, answered within `limitMs` or not at all. */
async function renew(lease: Lease, limitMs: number): Promise<Renewal> {
  if (lease.path === null) return { kind: "renewed", ttlMs: lease.ttlMs };
  const { promise, resolve } = Promise.withResolvers<Renewal>();
  const trouble = (error: Error): void => resolve({ kind: "trouble", message: error.message });
  // Not longer than a renewal's interval: a connection that hangs must leave time for another.
  const signal = AbortSignal.any([lease.ended.signal, AbortSignal.timeout(Math.ceil(Math.min(limitMs, data.renewMs)))]);
  const request = (secure ? httpsRequest : httpRequest)(
    new URL(base.pathname.replace(/\/$/, "") + lease.path, base),
    { method: "POST", agent, signal, headers: { authorization: `Bearer ${data.token}`, "content-type": "application/json", "content-length": 2 } },
    (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        if (text.length < ANSWER_LIMIT_BYTES) text += chunk;
      });
      response.on("error", trouble);
      response.on("end", () => resolve(judge(response.statusCode ?? 0, text)));
    },
  );
  request.on("error", trouble);
  request.end("{}");
  return await promise;
}

function judge(status: number, text: string): Renewal {
  try {
    const body = JSON.parse(text) as { ttlMs?: unknown; error?: { code?: unknown; message?: unknown } };
    if (status === 200 && typeof body.ttlMs === "number" && body.ttlMs > 0) return { kind: "renewed", ttlMs: body.ttlMs };
    const refused = body.error?.code === "LEASE_LOST" || body.error?.code === "NOT_FOUND";
    return { kind: refused ? "refused" : "trouble", message: String(body.error?.message ?? `the server answered ${status}`) };
  } catch {
    return { kind: "trouble", message: `the server answered ${status} with something that is not JSON` };
  }
}

/** Sleeps, but never past the deadline, and not when the lease is given up. */
async function wait(lease: Lease, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, Math.max(0, Math.min(ms, lease.deadlineMs - monotonicNowMs())));
  lease.ended.signal.addEventListener("abort", () => resolve(), { once: true });
  await promise;
  clearTimeout(timer);
}

function tell(message: FromLeaseThread): void {
  parentPort?.postMessage(message);
}
