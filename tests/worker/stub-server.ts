import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Endpoint } from "@slipway/protocol/endpoint";
import { ENDPOINTS } from "@slipway/protocol/endpoints";
import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import type { AppendableEvent } from "@slipway/protocol/events";
import type { AttemptModel } from "@slipway/protocol/gateway-api";
import type { JobKind, JobView } from "@slipway/protocol/job";
import { newId } from "@slipway/protocol/scalars";
import type { JobState } from "@slipway/protocol/states";
import type { Claim, Outcome, WorkerReport, WorkerSignal } from "@slipway/protocol/worker-api";
import { type WebSocket, WebSocketServer } from "ws";
import { sampleJob } from "../support/sample-job.ts";

const INSTALLATION = newId();

/** An attempt as the stub keeps it. */
interface StubAttempt {
  readonly claim: Claim;
  live: boolean;
  acked: number;
  readonly events: Array<{ ordinal: number; event: AppendableEvent }>;
  outcome: Outcome | undefined;
  /** What is said of its model calls. */
  model: AttemptModel;
}

/** The worker's side of the API in memory, held to the real schemas; its state outlives a `restart`, as a database would. */
export class StubServer implements AsyncDisposable {
  readonly attempts = new Map<string, StubAttempt>();
  readonly claimIds: string[] = [];
  readonly renewals: Array<{ key: string; at: number }> = [];
  /** Why a worker claims nothing, as it said. */
  readonly holds: Array<string | null> = [];
  /** What a worker said of itself. */
  readonly reports: WorkerReport[] = [];
  readonly finalJobs = new Set<string>();
  ttlMs = 10_000;
  /** Called for each request before it is answered; may throw, or destroy the socket. */
  onRequest: (name: string, request: IncomingMessage, response: ServerResponse) => void | Promise<void> = () => {};
  /** Where it says true, the request takes effect but its answer is lost. */
  losesAnswer: (name: string) => boolean = () => false;
  readonly #queue: Array<{ kind: JobKind; job: JobView }> = [];
  readonly #waiting = new Set<() => void>();
  readonly #watchers = new Set<() => void>();
  readonly #sockets = new Set<WebSocket>();
  #server: Server | undefined;
  #port = 0;

  static async start(): Promise<StubServer> {
    const stub = new StubServer();
    await stub.listen();
    return stub;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async listen(): Promise<void> {
    const server = createServer((request, response) => void this.#handle(request, response));
    const sockets = new WebSocketServer({ server });
    sockets.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      this.#changed();
    });
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Dies like a killed process: every connection is cut. */
  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.terminate();
    for (const wake of this.#waiting) wake();
    if (!server) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  /** Puts a job into the queue; answers its id. */
  enqueue(kind: JobKind = "task", jobId = newId()): string {
    this.#queue.push({ kind, job: sampleJob({ id: jobId, kind, state: "queued" }) });
    for (const wake of this.#waiting) wake();
    return jobId;
  }

  attempt(jobId: string, fence = 1): StubAttempt {
    const attempt = this.attempts.get(`${jobId}-${fence}`);
    if (!attempt) throw new Error(`no attempt ${jobId}-${fence}`);
    return attempt;
  }

  signal(message: WorkerSignal): void {
    for (const socket of this.#sockets) socket.send(JSON.stringify(message));
  }

  /** Resolves as soon as something that the worker did makes the condition true. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        const watcher = (): void => {
          this.#watchers.delete(watcher);
          resolve();
        };
        this.#watchers.add(watcher);
      });
    }
  }

  get connectedSignals(): number {
    return this.#sockets.size;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const { name, endpoint, params } = route(request);
      let text = "";
      for await (const chunk of request) text += String(chunk);
      await this.onRequest(name, request, response);
      if (response.destroyed) return;
      const body = endpoint.body ? endpoint.body.parse(JSON.parse(text)) : undefined;
      const answer = await this.#answer(name, params, body as never, response);
      if (this.#server === undefined || response.destroyed) return;
      if (this.losesAnswer(name)) return void request.socket.destroy();
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(endpoint.response.parse(answer)));
    } catch (error) {
      const failure = toSlipwayError(error, "INVALID_REQUEST");
      if (!response.destroyed) response.writeHead(failure.status, { "content-type": "application/json" }).end(JSON.stringify(failure.toJSON()));
    } finally {
      this.#changed();
    }
  }

  async #answer(name: string, params: Record<string, string>, body: never, response: ServerResponse): Promise<unknown> {
    const key = `${params["job"]}-${params["fence"]}`;
    const attempt = this.attempts.get(key);
    if (name === "registerWorker") {
      const live = [...this.attempts.values()].filter((one) => one.live).map(({ claim }) => ({ jobId: claim.job.id, fence: claim.fence }));
      return { installationId: INSTALLATION, leaseTtlMs: this.ttlMs, leaseRenewMs: 3_000, live };
    }
    if (name === "holdWorker") {
      this.holds.push((body as { reason: string | null }).reason);
      return {};
    }
    if (name === "reportWorker") {
      this.reports.push(body);
      return {};
    }
    if (name === "claim") return { claim: await this.#claim(body, response) };
    if (name === "getJob") {
      const job = sampleJob({ id: params["job"] ?? "", state: "queued" });
      return { job: { ...job, state: this.finalJobs.has(job.id) ? "done" : "queued" }, attempts: [], receipts: [], artifacts: [], completion: null, acts: [] };
    }
    if (!attempt?.live) throw new SlipwayError("LEASE_LOST");
    if (name === "renew") {
      this.renewals.push({ key, at: performance.now() });
      return { ttlMs: this.ttlMs };
    }
    if (name === "attemptModel") return attempt.model;
    if (name === "appendEvents") return this.#append(attempt, body);
    attempt.outcome = (body as { outcome: Outcome }).outcome;
    attempt.live = false;
    const state: JobState = attempt.outcome.kind === "failed" ? "queued" : attempt.outcome.kind === "verified" ? "done" : "integrating";
    return { job: { ...attempt.claim.job, state } };
  }

  #append(attempt: StubAttempt, body: { events: StubAttempt["events"] }): { ackOrdinal: number } {
    for (const { ordinal, event } of body.events) {
      if (ordinal <= attempt.acked) continue;
      if (ordinal !== attempt.acked + 1) throw new SlipwayError("INTERNAL", `event ${ordinal} came after ${attempt.acked}`);
      attempt.events.push({ ordinal, event });
      attempt.acked = ordinal;
    }
    return { ackOrdinal: attempt.acked };
  }

  async #claim(body: { claimId: string; kinds: JobKind[]; waitMs: number }, response: ServerResponse): Promise<Claim | null> {
    this.claimIds.push(body.claimId);
    this.#changed();
    const again = [...this.attempts.values()].find(({ claim, live }) => live && claim.claimId === body.claimId);
    if (again) return again.claim;
    const endAt = performance.now() + body.waitMs;
    while (!response.destroyed && this.#server) {
      const index = this.#queue.findIndex(({ kind }) => body.kinds.includes(kind));
      const [next] = index < 0 ? [] : this.#queue.splice(index, 1);
      if (next) return this.#lease(next.job, body.claimId);
      if (performance.now() >= endAt) return null;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(wake, endAt - performance.now());
        const stub = this.#waiting;
        function wake(): void {
          clearTimeout(timer);
          stub.delete(wake);
          resolve();
        }
        stub.add(wake);
        response.once("close", wake);
      });
    }
    return null;
  }

  #lease(job: JobView, claimId: string): Claim {
    const fence = [...this.attempts.keys()].filter((key) => key.startsWith(job.id)).length + 1;
    const hub = {
      upstreamUrl: `${this.url}/git/x/upstream.git`,
      jobsUrl: `${this.url}/git/x/jobs.git`,
      credential: "secret",
      pushRef: `refs/slipway/jobs/${job.id}/${fence}`,
      localPath: "/nonexistent",
      installationId: INSTALLATION,
    };
    const claim: Claim = { job: { ...job, state: "running", fence }, fence, claimId, ttlMs: this.ttlMs, hub, model: { token: "slipmodel_stub" }, verify: null };
    const model: AttemptModel = { calls: 0, usage: job.usage, failure: null, retryAfterMs: null };
    this.attempts.set(`${job.id}-${fence}`, { claim, live: true, acked: 0, events: [], outcome: undefined, model });
    return claim;
  }

  #changed(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }
}

function route(request: IncomingMessage): { name: string; endpoint: Endpoint; params: Record<string, string> } {
  const path = new URL(request.url ?? "/", "http://stub").pathname;
  for (const [name, endpoint] of Object.entries(ENDPOINTS) as Array<[string, Endpoint]>) {
    const match = new RegExp(`^${endpoint.path.replace(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`).exec(path);
    if (match && endpoint.method === request.method) return { name, endpoint, params: { ...match.groups } };
  }
  throw new SlipwayError("NOT_FOUND");
}
