import type { ChangeFrame, ChangeTopic } from "@slipway/protocol/changes";
import type { EndpointName } from "@slipway/protocol/endpoints";
import type { Query, QueryClient } from "@tanstack/react-query";

/** How the page stands to its server: `lost` since when, with the next try under way. */
export type LinkState = { readonly status: "connecting" } | { readonly status: "live" } | { readonly status: "lost"; readonly since: number };

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;

/** Listings that are other ones when a topic changes. */
const LISTINGS: Readonly<Record<ChangeTopic, readonly EndpointName[]>> = {
  workers: ["listWorkers", "listBackends", "overview"],
  circuits: ["listCircuits", "listBackends", "overview"],
  trains: ["showTrains", "overview"],
  repositories: ["listRepositories", "upstreamBranches", "getBranch"],
  spending: ["daySpending", "overview"],
  tokens: ["listTokens"],
};
/** What is other when any job's state is: workers show what they run, trains what they carry. */
const WITH_STATES: readonly EndpointName[] = ["listJobs", "listWorkers", "showTrains", "daySpending", "listAudit", "listBackends", "overview"];
/** What tells how far jobs are at work, and is asked for again with every event of one: so often at most. */
const WITH_EVENTS: readonly EndpointName[] = ["overview"];
const WITH_EVENTS_MS = 1_000;

/**
 * Keeps the page's answers true: notices of the server mark what is old, and what is on the screen is asked for again. A connection that breaks is taken up
 * at its cursor; where that is not kept any more, everything is old.
 */
export class ChangeLink {
  readonly #client: QueryClient;
  readonly #listeners = new Set<() => void>();
  #state: LinkState = { status: "connecting" };
  #cursor: string | null = null;
  #socket: WebSocket | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #slowTimer: ReturnType<typeof setTimeout> | null = null;
  #slowAt = 0;
  #failures = 0;
  #ended = false;

  constructor(client: QueryClient) {
    this.#client = client;
  }

  get state(): LinkState {
    return this.#state;
  }

  /** For `useSyncExternalStore`. */
  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  open(): void {
    if (this.#ended) return;
    const query = this.#cursor === null ? "" : `?cursor=${encodeURIComponent(this.#cursor)}`;
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/v1/changes${query}`);
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.#take(JSON.parse(String(data)) as ChangeFrame));
    socket.addEventListener("close", () => this.#lost());
  }

  /** Tries at once: somebody asked, or the machine is on a network again. */
  retry = (): void => {
    if (this.#state.status !== "lost" || this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#timer = null;
    this.open();
  };

  close(): void {
    this.#ended = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#slowTimer !== null) clearTimeout(this.#slowTimer);
    this.#socket?.close();
  }

  #take(frame: ChangeFrame): void {
    this.#cursor = frame.cursor;
    if (frame.type === "hello") {
      this.#failures = 0;
      const first = this.#state.status === "connecting";
      this.#become({ status: "live" });
      // What was asked for before the link stood may be older than it.
      if (first || !frame.resumed) void this.#client.invalidateQueries();
      return;
    }
    const old = new Set<EndpointName>(frame.topics.flatMap((topic) => LISTINGS[topic]));
    if (frame.states === "many" || frame.states.length > 0) for (const name of WITH_STATES) old.add(name);
    const jobs = frame.jobs === "many" ? null : new Set(frame.jobs);
    if (jobs === null || jobs.size > 0 || WITH_EVENTS.some((name) => old.has(name))) this.#soon();
    for (const name of WITH_EVENTS) old.delete(name);
    void this.#outdate(({ queryKey, state }) => old.has(queryKey[0] as EndpointName) || isOfJobs(jobs, queryKey, state.data));
  }

  /**
   * What is on its way already may be older than the notice: it is let arrive, and asked for once more. Were it broken off, then nothing would ever arrive
   * where notices come faster than answers.
   */
  async #outdate(predicate: (query: Query) => boolean): Promise<void> {
    const onTheirWay = new Set(this.#client.getQueryCache().findAll({ predicate, fetchStatus: "fetching" }));
    await this.#client.invalidateQueries({ predicate }, { cancelRefetch: false });
    if (onTheirWay.size > 0 && !this.#ended) await this.#client.invalidateQueries({ predicate: (query) => onTheirWay.has(query) }, { cancelRefetch: false });
  }

  #soon(): void {
    this.#slowTimer ??= setTimeout(
      () => {
        this.#slowTimer = null;
        this.#slowAt = Date.now();
        void this.#outdate(({ queryKey }) => WITH_EVENTS.includes(queryKey[0] as EndpointName));
      },
      Math.max(0, this.#slowAt + WITH_EVENTS_MS - Date.now()),
    );
  }

  #lost(): void {
    this.#socket = null;
    if (this.#ended) return;
    // It may be the session that is over, and not the server that is away.
    void this.#client.invalidateQueries({ queryKey: ["session"] });
    if (this.#state.status !== "lost") this.#become({ status: "lost", since: Date.now() });
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** this.#failures, LONGEST_PAUSE_MS);
    this.#failures += 1;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.open();
    }, pause);
  }

  #become(state: LinkState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}

/** Queries of one job name it by number or id; its answer tells the id. `jobs` null: many. Events have a stream of their own. */
function isOfJobs(jobs: ReadonlySet<string> | null, key: Query["queryKey"], data: unknown): boolean {
  const job = (key[1] as { job?: string | number } | null)?.job;
  if (job === undefined || key[0] === "listEvents") return false;
  if (jobs === null) return true;
  const id = (data as { job?: { id?: string } } | undefined)?.job?.id;
  // Where the answer does not tell whose it is, the page of the job keys it by its id.
  return jobs.has(id ?? String(job));
}
