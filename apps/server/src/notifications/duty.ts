import { setTimeout as sleep } from "node:timers/promises";
import { type SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import type { Failure } from "@slipway/protocol/failure";
import type { Notice, NotificationStatus, NotificationTarget } from "@slipway/protocol/notifications";
import { newId } from "@slipway/protocol/scalars";
import type { Logger } from "pino";
import type { NotificationRow } from "../store/notifications.ts";
import type { Store } from "../store/store.ts";
import { bodyOf } from "./body.ts";
import { postNotification } from "./post.ts";

/** Times of notifications, in ms. */
export interface NotificationTimes {
  /** The first pause after a try that did not arrive; each further one is twice as long, up to half an hour. */
  readonly pauseMs: number;
  /** What has not arrived after this long is given up. */
  readonly giveUpMs: number;
  /** For one try. */
  readonly postMs: number;
}

export const NOTIFICATION_TIMES: NotificationTimes = { pauseMs: 5_000, giveUpMs: 86_400_000, postMs: 10_000 };
const PAUSE_LIMIT_MS = 1_800_000;
/** The longest time between two rounds. */
const ROUND_MS = 60_000;
/** After a round that the store refused. */
const AFTER_ERROR_MS = 5_000;
/** A server that stops lets what is due go out for this long. */
const LAST_ROUND_MS = 2_000;

export interface NotifierOptions {
  readonly store: Store;
  readonly log: Logger;
  readonly dataFolder: string;
  readonly receivers: readonly NotificationTarget[];
  /** Where the pages are; asked when something is sent. */
  readonly publicUrl: () => string;
  readonly times?: NotificationTimes;
}

/**
 * Sends what is in the outbox, one after the other to each receiver and to all receivers at the same time, so that one that hangs holds up no other. A row is marked
 * when its answer was read: a server that is killed in between sends it again, under the same id.
 */
export class Notifier {
  readonly #options: NotifierOptions;
  readonly #log: Logger;
  readonly #times: NotificationTimes;
  readonly #stopping = new AbortController();
  readonly #atWork = new Map<string, Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> | null = null;
  #again = false;
  #started = false;

  constructor(options: NotifierOptions) {
    this.#options = options;
    this.#log = options.log.child({ part: "notifications" });
    this.#times = options.times ?? NOTIFICATION_TIMES;
  }

  /** Whether anybody is told of anything. */
  get isIdle(): boolean {
    return this.#options.receivers.length === 0;
  }

  start(): void {
    this.#started = true;
    void this.#settle().then(() => this.poke());
  }

  /** Something may be due. */
  poke(): void {
    if (!this.#started || this.#stopping.signal.aborted || this.isIdle) return;
    if (this.#round) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#round = this.#runRound().finally(() => {
      this.#round = null;
      if (!this.#again) return;
      this.#again = false;
      this.poke();
    });
  }

  /** Lets what is due go out, for two seconds at most. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#started && !this.isIdle) await Promise.race([this.#drained(), sleep(LAST_ROUND_MS, undefined, { ref: false })]);
    this.#started = false;
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await this.#round;
    await Promise.allSettled(this.#atWork.values());
  }

  /** Sends a sample to a receiver; what went wrong, or null. It is in no outbox: who asks waits for the answer. */
  async test(receiver: NotificationTarget, signal: AbortSignal): Promise<{ name: string; problem: Failure | null; tookMs: number }> {
    const startedMs = performance.now();
    const notice: Notice = {
      ...{ event: "test", at: Date.now(), repository: null, target: null, code: null, job: null },
      reason: "Somebody typed `slipway notifications test`.",
    };
    const problem = await this.#post(receiver, newId(), notice, signal).then(
      () => null,
      (error: unknown) => failureOf(error),
    );
    if (problem === null) {
      await this.#options.store.hurryNotifications(receiver.name);
      this.poke();
    }
    return { name: receiver.name, problem, tookMs: Math.round(performance.now() - startedMs) };
  }

  get receivers(): readonly NotificationTarget[] {
    return this.#options.receivers;
  }

  async status(): Promise<NotificationStatus[]> {
    const counts = await this.#options.store.notificationCounts();
    return this.#options.receivers.map(({ name, format, events, repositories }) => {
      const { waiting = 0, waitingSince = null, problem = null, sentAt = null, givenUp = 0 } = counts.find(({ receiver }) => receiver === name) ?? {};
      return { name, format, events, repositories: repositories ?? null, waiting, waitingSince, problem, sentAt, givenUp };
    });
  }

  async #drained(): Promise<void> {
    this.poke();
    while (this.#round || this.#atWork.size > 0) {
      await this.#round;
      await Promise.allSettled(this.#atWork.values());
    }
  }

  async #settle(): Promise<void> {
    try {
      const dropped = await this.#options.store.settleNotifications();
      if (dropped > 0) this.#log.warn({ dropped }, "what waited for receivers that are no longer configured is given up");
    } catch (error) {
      // Nothing hangs on it but old rows: the next start does it.
      this.#log.error({ err: error }, "old notifications could not be removed");
    }
  }

  async #runRound(): Promise<void> {
    const { store } = this.#options;
    try {
      for (const row of await store.dueNotifications()) this.#begin(row);
      const nextMs = await store.nextNotificationMs();
      if (nextMs === null || this.#stopping.signal.aborted) return;
      // What is at work pokes when it has ended.
      const waitMs = nextMs === 0 && this.#atWork.size > 0 ? ROUND_MS : Math.min(ROUND_MS, nextMs + 1);
      this.#timer = setTimeout(() => this.poke(), waitMs).unref();
    } catch (error) {
      this.#log.error({ err: error }, "a round of notifications failed");
      if (!this.#stopping.signal.aborted) this.#timer = setTimeout(() => this.poke(), AFTER_ERROR_MS).unref();
    }
  }

  #begin(row: NotificationRow): void {
    const receiver = this.#options.receivers.find(({ name }) => name === row.receiver);
    if (!receiver || this.#atWork.has(row.receiver)) return;
    const running = this.#send(receiver, row)
      .catch(async (error: unknown) => {
        this.#log.error({ err: error, receiver: row.receiver }, "what became of a notification could not be kept");
        // Still due: without a pause it would be tried again at once, for ever.
        await sleep(AFTER_ERROR_MS, undefined, { signal: this.#stopping.signal, ref: false }).catch(() => undefined);
      })
      .finally(() => {
        this.#atWork.delete(row.receiver);
        this.poke();
      });
    this.#atWork.set(row.receiver, running);
  }

  async #send(receiver: NotificationTarget, { seq, id, notice, ageMs, tries }: NotificationRow): Promise<void> {
    const { store } = this.#options;
    const { signal } = this.#stopping;
    try {
      await this.#post(receiver, id, notice, signal);
    } catch (error) {
      // The server stops: the next one sends it.
      if (signal.aborted) return;
      const problem = failureOf(error);
      const facts = { receiver: receiver.name, id, event: notice.event, job: notice.job?.number, problem: problem.message };
      if (ageMs >= this.#times.giveUpMs) {
        this.#log.error(facts, "a notification is given up");
        return await store.giveUpNotification(seq, problem);
      }
      const inMs = this.#pauseMs(tries, problem);
      this.#log.warn({ ...facts, nextMs: inMs }, "a notification did not arrive");
      return await store.postponeNotification(seq, inMs, problem);
    }
    await store.markArrived(seq);
  }

  async #post(receiver: NotificationTarget, id: string, notice: Notice, signal: AbortSignal): Promise<void> {
    const body = bodyOf(id, notice, this.#options.publicUrl(), receiver.format);
    await postNotification(this.#options.dataFolder, receiver, { id, body }, signal, this.#times.postMs);
  }

  /** A receiver that is down for all of a server's night is asked every half an hour. */
  #pauseMs(tries: number, { details }: Failure): number {
    const own = Math.min(this.#times.pauseMs * 2 ** Math.min(tries, 20), PAUSE_LIMIT_MS);
    const asked = details["retryAfterMs"];
    return Math.round(Math.max(own, typeof asked === "number" ? asked : 0));
  }
}

function failureOf(error: unknown): Failure {
  const { code, message, hint, details }: SlipwayError = toSlipwayError(error);
  return { code, message, details: { ...details, hint } };
}
