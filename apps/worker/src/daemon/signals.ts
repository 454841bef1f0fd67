import type { Client } from "@slipway/protocol/client";
import { SlipwayError } from "@slipway/protocol/errors";
import type { Failure } from "@slipway/protocol/job";
import type { Logger } from "pino";
import type { SteerInbox } from "../attempt/steer-inbox.ts";
import { pause } from "./pause.ts";

const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 5_000;

export interface SignalHandlers {
  readonly client: Pick<Client, "signals">;
  readonly workerId: string;
  readonly running: ReadonlyMap<string, (reason: Error) => void>;
  /** Of the same attempts: where messages to their agents go. */
  readonly inboxes: ReadonlyMap<string, Pick<SteerInbox, "deliver">>;
  readonly onDrain: () => void;
  /** Called whenever the connection is there: what the server keeps of a connected worker alone is to be said again. */
  readonly onOpen: () => void;
  readonly log: Logger;
}

/**
 * Hears the server's signals and connects again whenever the connection breaks. What is missed meanwhile is not lost: a cancelled attempt's next
 * renewal is refused. Ends when the signal aborts; never rejects.
 */
export async function hearSignals(handlers: SignalHandlers, signal: AbortSignal): Promise<void> {
  const { client, workerId, running, inboxes, log } = handlers;
  for (let failures = 0; !signal.aborted; failures += 1) {
    try {
      const onOpen = (): void => {
        if (failures > 0) log.info("connected to the server's signals again");
        failures = 0;
        handlers.onOpen();
      };
      for await (const message of client.signals(workerId, { signal, onOpen })) {
        if (message.type === "drain") handlers.onDrain();
        else if (message.type === "steer") inboxes.get(`${message.jobId}-${message.fence}`)?.deliver(message);
        else running.get(`${message.jobId}-${message.fence}`)?.(message.type === "stop" ? stopped(message.failure) : revoked(message.reason));
      }
    } catch (error) {
      if (signal.aborted) return;
      if (failures === 0) log.warn({ err: error }, "the connection for the server's signals broke; connecting again");
    }
    // The abort is this loop's own end, which it sees.
    await pause(Math.min(RETRY_MIN_MS * 2 ** failures, RETRY_MAX_MS), signal).catch(() => undefined);
  }
}

function stopped({ code, message, details }: Failure): SlipwayError {
  return new SlipwayError(code, message, details);
}

function revoked(reason: "cancelled" | "expired"): SlipwayError {
  return reason === "cancelled" ? new SlipwayError("CANCELLED") : new SlipwayError("LEASE_LOST");
}
