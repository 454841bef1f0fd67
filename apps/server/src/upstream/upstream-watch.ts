import { toSlipwayError } from "@slipway/protocol/errors";
import type { Logger } from "pino";
import type { ControlPlane } from "../control-plane.ts";
import type { RepositoryRow } from "../store/store.ts";
import { syncUpstream } from "./sync.ts";

/** The longest time between two looks at what is due, in ms. */
const LOOK_MS = 30_000;
/** The shortest, in ms: what is due again and again must not make a busy loop. */
const LEAST_MS = 200;
/** One repository may take this long, in ms: a host that crawls must not keep the others waiting for ever. */
const SYNC_LIMIT_MS = 300_000;

/**
 * The duty that keeps hub and addresses together by itself: syncs a repository when its time has come, and tries again, with pauses that grow, where a push or
 * a fetch failed. At a start each repository whose landings are pushed is due at once: a kill may have come between a landing and its push.
 */
export class UpstreamWatch {
  readonly #plane: ControlPlane;
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  /** Repositories that have nothing to push as far as this process knows; the others are due where pushing is their rule. */
  readonly #seen = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | null = null;
  #again = false;

  constructor(plane: ControlPlane) {
    this.#plane = plane;
    this.#log = plane.log.child({ part: "upstream" });
  }

  start(): void {
    this.poke();
  }

  /** Settings changed, or a push failed: something may be due sooner. A repository that is named has something to push, and is due where that is its rule. */
  poke(repoId?: string): void {
    if (repoId !== undefined) this.#seen.delete(repoId);
    if (this.#running) this.#again = true;
    else this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await this.#running;
  }

  /** Syncs what is due now, one repository after another. Answers in how many ms the next one is due. */
  async runOnce(): Promise<number> {
    for (const repository of await this.#plane.store.listRepositories()) {
      if (this.#stopping.signal.aborted) return LOOK_MS;
      if (this.#dueInMs(repository) <= 0) await this.#sync(repository);
    }
    const left = (await this.#plane.store.listRepositories()).map((repository) => this.#dueInMs(repository));
    return Math.max(LEAST_MS, Math.min(LOOK_MS, ...left));
  }

  #dueInMs({ id, url, upstream, upstreamSync }: RepositoryRow): number {
    if (url === null || (upstream.push === "never" && upstream.syncEveryMs === null)) return Number.POSITIVE_INFINITY;
    const now = Date.now();
    const isHeldOff = upstreamSync.error !== null && (upstreamSync.nextAt ?? 0) > now;
    if (upstream.push !== "never" && !this.#seen.has(id) && !isHeldOff) return 0;
    const ofClock = upstream.syncEveryMs === null ? Number.POSITIVE_INFINITY : (upstreamSync.at ?? 0) + upstream.syncEveryMs - now;
    // A failure sets the next time, so that a host that is away is not asked more often than that.
    if (upstreamSync.error !== null) return (upstreamSync.nextAt ?? Number.POSITIVE_INFINITY) - now;
    return ofClock;
  }

  async #sync(repository: RepositoryRow): Promise<void> {
    this.#seen.add(repository.id);
    try {
      await syncUpstream(this.#plane, repository, AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(SYNC_LIMIT_MS)]));
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      const { code, message } = toSlipwayError(error);
      this.#log.warn({ repository: repository.name, code, reason: message }, "hub and address could not be brought together; tried again later");
    }
  }

  #run(): void {
    if (this.#stopping.signal.aborted) return;
    clearTimeout(this.#timer);
    this.#again = false;
    this.#running = this.runOnce()
      .catch((error: unknown) => {
        this.#log.error({ err: error }, "the round of the upstream watch failed");
        return LOOK_MS;
      })
      .then((nextMs) => {
        this.#running = null;
        if (this.#again) this.#run();
        else if (!this.#stopping.signal.aborted) this.#timer = setTimeout(() => this.#run(), nextMs).unref();
      });
  }
}
