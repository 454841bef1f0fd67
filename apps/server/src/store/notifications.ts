import type { Failure } from "@slipway/protocol/failure";
import type { Notice, NotificationEvent } from "@slipway/protocol/notifications";

/** A receiver that is told of jobs, as far as the store has to know it: of what. */
export interface NotificationReceiver {
  readonly name: string;
  readonly events: readonly NotificationEvent[];
  /** By name; undefined: of all. */
  readonly repositories?: readonly string[] | undefined;
}

/** What is to be told to one receiver. */
export interface NotificationRow {
  readonly seq: number;
  /** The same each time that it is sent. */
  readonly id: string;
  readonly receiver: string;
  readonly notice: Notice;
  /** How long ago it happened, in ms. */
  readonly ageMs: number;
  /** Tries so far. */
  readonly tries: number;
}

/** How a receiver is doing; what ended counts for a week. */
export interface NotificationCounts {
  readonly receiver: string;
  readonly waiting: number;
  readonly waitingSince: number | null;
  /** Of the newest try, where it did not arrive. */
  readonly problem: Failure | null;
  readonly sentAt: number | null;
  readonly givenUp: number;
}
