import type { DaySpending } from "@slipway/protocol/budget";
import type { ChangeTopic } from "@slipway/protocol/changes";
import type { Client } from "@slipway/protocol/client";
import type { JobEvent } from "@slipway/protocol/events";
import type { Explanation, JobView } from "@slipway/protocol/job";
import { isFinal, type JobState } from "@slipway/protocol/states";
import type { TrainView } from "@slipway/protocol/train";
import type { WorkerView } from "@slipway/protocol/worker-api";
import { type GateStanding, JobProgress } from "../follow/job-progress.ts";

/**
 * What `slipway top` shows, read from the server. All of its requests are made here, and only for what a notice named as changed: at most
 * 5 + TRAINS + EXPLAINED + RUNNING in one go.
 */

/** Jobs that are not over, at most; of more it is said that there are. */
const ACTIVE = 200;
const ENDED = 20;
const TRAINS = 6;
/** Waiting jobs whose reason is asked for. */
const EXPLAINED = 10;
/** Running jobs whose events are read. */
const RUNNING = 16;
/** Of the events of a job that is seen for the first time, this many of the newest. */
const TAIL_EVENTS = 400;
/** A reason may change without a notice, such as with time. */
const EXPLAIN_AGAIN_MS = 10_000;

/** Where a running job is. */
export interface Doing {
  /** Such as `turn 2`. */
  readonly what: string;
  /** When that began, in ms since 1970; null where that is not known. */
  readonly since: number | null;
  readonly round: number;
  readonly gates: Readonly<Record<string, GateStanding>>;
}

export interface TopJob {
  readonly id: string;
  readonly number: number;
  readonly title: string;
  readonly state: JobState;
  readonly repository: string;
  readonly target: string;
  readonly backend: string;
  readonly lane: JobView["lane"];
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly endedAt: number | null;
  readonly tokens: number;
  readonly costUsd: number;
  readonly budget: JobView["budget"];
  readonly landedOid: string | null;
  /** Of a running job. */
  readonly doing: Doing | null;
  /** Why it waits, or what went wrong; null where that is not known, or goes without saying. */
  readonly reason: string | null;
  readonly code: string | null;
}

export interface Snapshot {
  /** When it was read, in ms since 1970. */
  readonly at: number;
  readonly url: string;
  readonly workers: { readonly known: number; readonly connected: number; readonly slots: number; readonly busy: number; readonly draining: number };
  readonly spending: DaySpending;
  /** Whether there are more jobs that are not over than are here. */
  readonly hasMore: boolean;
  readonly needsYou: readonly TopJob[];
  readonly frozen: ReadonlyArray<{ readonly repository: string; readonly target: string; readonly reason: string }>;
  readonly running: readonly TopJob[];
  readonly integrating: readonly TopJob[];
  readonly queued: readonly TopJob[];
  readonly trains: ReadonlyArray<TrainView & { readonly repository: string }>;
  readonly ended: readonly TopJob[];
}

/** What has to be read anew. */
export interface Stale {
  jobs: boolean;
  /** Jobs with new events. */
  readonly events: Set<string>;
  readonly topics: Set<ChangeTopic>;
}

export function allStale(): Stale {
  return { jobs: true, events: new Set(), topics: new Set(["workers", "trains", "repositories", "spending"]) };
}

interface Followed {
  readonly progress: JobProgress;
  seq: number;
}

/** Keeps what was read, and reads what is old. */
export class SnapshotReader {
  readonly #client: Client;
  readonly #followed = new Map<string, Followed>();
  readonly #explained = new Map<string, { readonly key: string; readonly at: number; readonly explanation: Explanation }>();
  #active: readonly JobView[] = [];
  #hasMore = false;
  #ended: readonly JobView[] = [];
  #workers: readonly WorkerView[] = [];
  #spending: DaySpending | undefined;
  #repositories: readonly string[] = [];
  #trains: ReadonlyArray<TrainView & { repository: string }> = [];

  constructor(client: Client) {
    this.#client = client;
  }

  async read(stale: Stale, signal?: AbortSignal): Promise<Snapshot> {
    const on = signal ? { signal } : {};
    const { jobs, topics } = stale;
    await Promise.all([
      jobs && this.#readJobs(on),
      (jobs || topics.has("workers")) && this.#readWorkers(on),
      (jobs || topics.has("spending") || !this.#spending) && this.#readSpending(on),
      topics.has("repositories") && this.#readRepositories(on),
    ]);
    await Promise.all([(jobs || topics.has("trains") || topics.has("repositories")) && this.#readTrains(on), this.#readDoing(stale, on), this.#explain(on)]);
    return this.#snapshot();
  }

  async #readJobs(on: { signal?: AbortSignal }): Promise<void> {
    const kind: ["task"] = ["task"];
    const [active, ended] = await Promise.all([
      this.#client.call("listJobs", { query: { state: ["blocked", "running", "integrating", "queued"], kind, limit: ACTIVE }, ...on }),
      this.#client.call("listJobs", { query: { state: ["done", "failed", "cancelled"], kind, limit: ENDED }, ...on }),
    ]);
    this.#active = active.jobs;
    this.#hasMore = active.nextCursor !== null;
    this.#ended = ended.jobs;
  }

  async #readWorkers(on: { signal?: AbortSignal }): Promise<void> {
    this.#workers = (await this.#client.call("listWorkers", on)).workers;
  }

  async #readSpending(on: { signal?: AbortSignal }): Promise<void> {
    this.#spending = await this.#client.call("daySpending", on);
  }

  async #readRepositories(on: { signal?: AbortSignal }): Promise<void> {
    this.#repositories = (await this.#client.call("listRepositories", on)).repositories.map(({ name }) => name);
  }

  /** Repositories with something on its way first. */
  async #readTrains(on: { signal?: AbortSignal }): Promise<void> {
    const busy = this.#active.filter(({ state }) => state === "integrating").map(({ repo }) => repo.name);
    const names = [...new Set([...busy, ...this.#repositories])].slice(0, TRAINS);
    const answers = await Promise.all(
      names.map(async (repo) => (await this.#client.call("showTrains", { params: { repo }, ...on })).trains.map((train) => ({ ...train, repository: repo }))),
    );
    this.#trains = answers.flat();
  }

  async #readDoing({ events }: Stale, on: { signal?: AbortSignal }): Promise<void> {
    const running = this.#active.filter(({ state }) => state === "running").slice(0, RUNNING);
    for (const id of this.#followed.keys()) if (!running.some((job) => job.id === id)) this.#followed.delete(id);
    await Promise.all(
      running.map(async (job) => {
        const known = this.#followed.get(job.id);
        if (known && known.seq >= job.lastSeq && !events.has(job.id)) return;
        const followed = known ?? { progress: new JobProgress(), seq: Math.max(0, job.lastSeq - TAIL_EVENTS) };
        this.#followed.set(job.id, followed);
        const page = await this.#client.call("listEvents", { params: { job: job.id }, query: { after: followed.seq, limit: 5_000 }, ...on });
        // The envelope was checked by the client; the body is the server's own.
        for (const event of page.events as JobEvent[]) followed.progress.see(event, event.at);
        followed.seq = page.events.at(-1)?.seq ?? Math.max(followed.seq, page.lastSeq);
      }),
    );
  }

  async #explain(on: { signal?: AbortSignal }): Promise<void> {
    const waiting = this.#active.filter(({ state }) => state === "queued" || state === "integrating");
    for (const id of this.#explained.keys()) if (!waiting.some((job) => job.id === id)) this.#explained.delete(id);
    await Promise.all(
      byTurn(waiting)
        .slice(0, EXPLAINED)
        .map(async ({ id, state, updatedAt }) => {
          const key = `${state} ${updatedAt}`;
          const known = this.#explained.get(id);
          if (known?.key === key && Date.now() - known.at < EXPLAIN_AGAIN_MS) return;
          const explanation = await this.#client.call("explainJob", { params: { job: id }, ...on });
          this.#explained.set(id, { key, at: Date.now(), explanation });
        }),
    );
  }

  #snapshot(): Snapshot {
    const connected = this.#workers.filter((worker) => worker.connected);
    const of = (state: JobState): TopJob[] => byTurn(this.#active.filter((job) => job.state === state)).map((job) => this.#topJob(job));
    if (!this.#spending) throw new Error("the day's spending was not read");
    return {
      at: Date.now(),
      url: this.#client.url,
      workers: {
        known: this.#workers.length,
        connected: connected.length,
        slots: connected.reduce((sum, { slots }) => sum + slots, 0),
        busy: connected.reduce((sum, { running }) => sum + running.length, 0),
        draining: connected.filter(({ draining }) => draining).length,
      },
      spending: this.#spending,
      hasMore: this.#hasMore,
      needsYou: of("blocked"),
      frozen: this.#trains.flatMap(({ repository, target, frozen }) => (frozen ? [{ repository, target, reason: frozen.reason }] : [])),
      running: of("running"),
      integrating: of("integrating"),
      queued: of("queued"),
      trains: this.#trains.filter(({ cars }) => cars.length > 0),
      ended: this.#ended.toSorted((one, other) => (other.endedAt ?? 0) - (one.endedAt ?? 0)).map((job) => this.#topJob(job)),
    };
  }

  #topJob(job: JobView): TopJob {
    const { id, number, title, state, target, backend, lane, createdAt, updatedAt, endedAt, usage, budget, landedOid, failure } = job;
    const explanation = this.#explained.get(id)?.explanation;
    return {
      ...{ id, number, title, state, repository: job.repo.name, target, backend, lane, createdAt, updatedAt, endedAt, budget, landedOid },
      tokens: usage.inputTokens + usage.outputTokens,
      costUsd: usage.costUsd,
      doing: state === "running" ? doing(this.#followed.get(id)?.progress) : null,
      reason: failure && (state === "blocked" || isFinal(state)) ? failure.message : explanation?.state === state ? explanation.reason : null,
      code: failure?.code ?? null,
    };
  }
}

function doing(progress: JobProgress | undefined): Doing | null {
  if (!progress || progress.phase === "queued") return null;
  return { what: progress.what, since: progress.since ?? null, round: progress.round, gates: Object.fromEntries(progress.gates) };
}

const LANE_ORDER: Readonly<Record<JobView["lane"], number>> = { interactive: 0, normal: 1, background: 2 };

/** In the order in which the server takes them. */
function byTurn(jobs: readonly JobView[]): JobView[] {
  return jobs.toSorted((one, other) => LANE_ORDER[one.lane] - LANE_ORDER[other.lane] || other.priority - one.priority || one.number - other.number);
}
