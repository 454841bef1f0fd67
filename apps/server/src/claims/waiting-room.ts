import type { JobView } from "@slipway/protocol/job";
import { type AbsentAgents, isAbsent } from "../routing/agents.ts";

/** What a waiting claim can take. */
export interface Wants {
  readonly kinds: readonly string[];
  readonly capabilities: readonly string[];
  /** Agents that are not there; none where it is missing. */
  readonly absent?: AbsentAgents;
}

/** What there is to take: one job, or `any`: something became free, nobody knows for whom. */
export type Offer = Pick<JobView, "id" | "kind" | "requires" | "backend" | "backendConfig"> | "any";

interface Waiter {
  readonly group: Group;
  /** Offers that came while the claim was being tried, or that woke it. */
  offers: Offer[];
  /** Set while parked. */
  wake: (() => void) | null;
  readonly owner: string | undefined;
  dismissed: boolean;
}

interface Group {
  readonly key: string;
  readonly wants: Wants;
  readonly waiters: Set<Waiter>;
}

/**
 * Claims that wait for something to take. No timer looks for work: who makes something claimable offers it here, and one waiter that can take it
 * tries the store again. The store alone decides who gets what; an offer that its waiter could not use is passed on, so that none is lost while
 * somebody waits for it.
 */
export class WaitingRoom {
  readonly #groups = new Map<string, Group>();
  #closed = false;

  /**
   * Tries `attempt` now and again with every offer, until it gives something, `waitMs` are over, the signal aborts or the room closes (then null).
   * `idOf` tells which job an attempt took. `owner`: who waits, for `dismiss`.
   */
  async serve<T>(
    wants: Wants,
    attempt: () => Promise<T | null>,
    idOf: (taken: T) => string,
    options: { waitMs: number; signal: AbortSignal; owner?: string },
  ): Promise<T | null> {
    const waiter = this.#enter(wants, options.owner);
    const deadline = performance.now() + options.waitMs;
    let taken: T | null = null;
    try {
      for (;;) {
        const before = waiter.offers.length;
        taken = await attempt();
        if (taken !== null) return taken;
        // What woke this try was taken by somebody else; what came meanwhile is worth another one.
        waiter.offers = waiter.offers.slice(before);
        if (waiter.offers.length > 0 && !options.signal.aborted) continue;
        const left = deadline - performance.now();
        if (left <= 0 || this.#closed || waiter.dismissed || options.signal.aborted) return null;
        if (!(await this.#park(waiter, left, options.signal))) return null;
      }
    } finally {
      this.#leave(waiter, taken === null ? null : idOf(taken));
    }
  }

  /** Wakes one waiter that can take this job. */
  offer(job: Exclude<Offer, "any">): void {
    for (const group of this.#groups.values()) {
      if (fits(group.wants, job) && wakeOne(group, job)) return;
    }
  }

  /** Something became free by a finish, a landing or by time: wakes one waiter of each sort; each that takes something wakes the next of its sort. */
  offerAny(): void {
    for (const group of this.#groups.values()) wakeOne(group, "any");
  }

  /** Waiters now, parked or trying. */
  get size(): number {
    return [...this.#groups.values()].reduce((sum, group) => sum + group.waiters.size, 0);
  }

  /**
   * Sends home whoever waits for this owner. One that is alive asks again at once; one that is frozen, with its connection still open, must not be
   * given what it would only let run out.
   */
  dismiss(owner: string): void {
    for (const group of this.#groups.values()) {
      for (const waiter of group.waiters) {
        if (waiter.owner !== owner) continue;
        waiter.dismissed = true;
        waiter.wake?.();
      }
    }
  }

  /** Sends everybody home with nothing. */
  close(): void {
    this.#closed = true;
    for (const group of this.#groups.values()) {
      for (const waiter of group.waiters) waiter.wake?.();
    }
  }

  #enter(wants: Wants, owner: string | undefined): Waiter {
    const key = JSON.stringify([[...wants.kinds].sort(), [...wants.capabilities].sort(), Object.entries(wants.absent ?? {}).sort()]);
    let group = this.#groups.get(key);
    if (!group) {
      group = { key, wants, waiters: new Set() };
      this.#groups.set(key, group);
    }
    const waiter: Waiter = { group, offers: [], wake: null, owner, dismissed: false };
    group.waiters.add(waiter);
    return waiter;
  }

  /** True where the waiter was woken by an offer, false where its time is over. */
  async #park(waiter: Waiter, ms: number, signal: AbortSignal): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    const timer = setTimeout(wake, ms);
    waiter.wake = wake;
    signal.addEventListener("abort", wake, { once: true });
    try {
      await promise;
    } finally {
      waiter.wake = null;
      clearTimeout(timer);
      signal.removeEventListener("abort", wake);
    }
    return waiter.offers.length > 0 && !signal.aborted && !this.#closed && !waiter.dismissed;
  }

  /** Hands on what the waiter was offered and did not take. */
  #leave(waiter: Waiter, takenId: string | null): void {
    waiter.group.waiters.delete(waiter);
    if (waiter.group.waiters.size === 0) this.#groups.delete(waiter.group.key);
    if (this.#closed) return;
    for (const offer of waiter.offers) {
      if (offer === "any") wakeOne(waiter.group, "any");
      else if (offer.id !== takenId) this.offer(offer);
    }
  }
}

function fits(wants: Wants, job: Exclude<Offer, "any">): boolean {
  if (wants.absent && isAbsent(wants.absent, job)) return false;
  return wants.kinds.includes(job.kind) && job.requires.every((capability) => wants.capabilities.includes(capability));
}

/** A parked waiter goes first; one that is just trying takes the offer as a reason to try once more. */
function wakeOne(group: Group, offer: Offer): boolean {
  let trying: Waiter | undefined;
  for (const waiter of group.waiters) {
    if (waiter.dismissed) continue;
    if (waiter.wake && waiter.offers.length === 0) {
      waiter.offers.push(offer);
      waiter.wake();
      return true;
    }
    if (!trying || waiter.offers.length < trying.offers.length) trying = waiter;
  }
  trying?.offers.push(offer);
  return trying !== undefined;
}
