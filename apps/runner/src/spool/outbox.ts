import type { AgentEvent } from "@slipway/protocol/events";
import { type EventSpool, SPOOL_LIMIT_BYTES } from "./event-spool.ts";

/** Events other than log ones may fill this much more before they are dropped too. */
const RESERVE_BYTES = 32 * 1_048_576;
/** Below this share of the limit, dropping ends; in between the state stays as it is, so that notices do not alternate with chunks. */
const RESUME_SHARE = 0.75;
/** A message of the protocol is 1 MiB at most; the envelope and the escapes need room. */
const EVENT_LIMIT_BYTES = 900_000;

/**
 * Puts events into the spool. Where the worker does not take them, the spool stops growing at its limit: log events are then counted and not kept, and one
 * notice says how many events and bytes are missing, in the place where they are. The offsets of the chunks that follow show the gap too.
 */
export class Outbox {
  readonly #spool: EventSpool;
  readonly #limitBytes: number;
  readonly #onAppend: () => void;
  #isFull = false;
  #dropped = { events: 0, bytes: 0 };

  constructor(spool: EventSpool, onAppend: () => void, limitBytes = SPOOL_LIMIT_BYTES) {
    this.#spool = spool;
    this.#onAppend = onAppend;
    this.#limitBytes = limitBytes;
  }

  /** Emits an event that is already masked. */
  emit(event: AgentEvent): void {
    const text = JSON.stringify(event);
    if (text.length > EVENT_LIMIT_BYTES || Buffer.byteLength(text) > EVENT_LIMIT_BYTES) {
      this.#append(notice(`An event of kind ${event.kind} was larger than ${EVENT_LIMIT_BYTES} bytes and was left out.`));
      return;
    }
    if (this.#mustDrop(event)) {
      this.#dropped.events += 1;
      this.#dropped.bytes += Buffer.byteLength(text);
      return;
    }
    this.tellGap();
    this.#append(event, text);
  }

  /** Says what was dropped, where anything was. Called at the end of a turn, so that nothing is dropped in silence. */
  tellGap(): void {
    const { events, bytes } = this.#dropped;
    if (events === 0) return;
    this.#dropped = { events: 0, bytes: 0 };
    this.#append(
      notice(`${events} events (${bytes} bytes) were left out here: the worker did not take them and the runner keeps at most ${this.#limitBytes} bytes.`),
    );
  }

  #mustDrop(event: AgentEvent): boolean {
    const { bytes } = this.#spool;
    if (bytes >= this.#limitBytes) this.#isFull = true;
    else if (bytes < this.#limitBytes * RESUME_SHARE) this.#isFull = false;
    return event.kind === "log" ? this.#isFull : bytes >= this.#limitBytes + RESERVE_BYTES;
  }

  #append(event: AgentEvent, text = JSON.stringify(event)): void {
    const at = Date.now();
    this.#spool.append((ordinal) => `{"type":"event","ordinal":${ordinal},"at":${at},"event":${text}}`);
    this.#onAppend();
  }
}

function notice(text: string): AgentEvent {
  return { kind: "notice", data: { level: "warning", text } };
}
