import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import { keyNames } from "@slipway/protocol/gateway-config";
import { newId } from "@slipway/protocol/scalars";
import type { Logger } from "pino";
import { Recordings } from "./cassette/recordings.ts";
import { Tapes } from "./cassette/tapes.ts";
import { configPlace, LiveConfig } from "./config-file.ts";
import { GatewayServer } from "./http/gateway-server.ts";
import { KeyRing } from "./key-ring.ts";
import { Keys } from "./keys.ts";
import { readToken, type ServeOptions } from "./options.ts";
import { ServerCaller } from "./server-caller.ts";
import { OpenCalls } from "./spend/open-calls.ts";
import { Outbox } from "./spend/outbox.ts";
import { pause } from "./spend/pause.ts";
import { reservedAhead } from "./spend/reserve.ts";
import type { ReservedAhead } from "./spend/reserved-ahead.ts";
import { Settlements } from "./spend/settlements.ts";
import type { StateFolder } from "./state-folder.ts";
import { openUpstream } from "./upstream.ts";

const VERSION = "0.1.0";
/** Waits between tries to register, in ms: 100, 200 … 2000. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
/** How long calls under way have to end when the gateway stops, in ms. */
const LAST_CALLS_MS = 1_500;
/** How long the last settlements are sent for when the gateway stops, in ms; the others are in the outbox. */
const LAST_SETTLEMENTS_MS = 1_500;

/**
 * Serves until `stop` aborts: listens, sends what an earlier process left, registers (which charges what that process left open), then takes calls. Waits for
 * a server that is away. Throws where the configuration is broken, the socket cannot be had, or the server refuses the gateway itself.
 */
export async function serve(options: ServeOptions, state: StateFolder, log: Logger, stop: AbortSignal): Promise<void> {
  const keys = new Keys(options.data);
  const config = new LiveConfig(configPlace(options.data), {
    onChange: (next) => keys.takeFromEnvironment(keyNames(next)),
    onBroken: ({ message, hint }) => log.error({ hint }, `the changed configuration is not taken: ${message}`),
  });
  using outbox = new Outbox(state.outbox, (err) => log.error({ err }, "the outbox of settlements has a fault"));
  const upstream = openUpstream();
  const door = new GatewayServer({ config: () => config.current(), log });
  let server: ServerCaller | undefined;
  let settlements: Settlements | undefined;
  let ahead: ReservedAhead | undefined;
  let recordings: Recordings | undefined;
  try {
    await door.listen(options.socket);
    const url = await options.url(stop);
    server = new ServerCaller({ url, token: readToken(options.tokenFile) });
    settlements = new Settlements(server, outbox, log);
    const left = outbox.pending().length;
    await untilAborted(settlements.resume(), stop);
    const epoch = newId();
    const { charged } = await register(server, { gatewayId: state.gatewayId, epoch, version: VERSION }, log, stop);
    const { gatewayId } = state;
    ahead = reservedAhead(settlements, gatewayId);
    recordings = new Recordings(server, log);
    const secrets = (): string[] => keys.present(keyNames(config.current()));
    const own = { recordings, tapes: new Tapes(server), secrets };
    door.open({ gatewayId, epoch, server, calls: new OpenCalls(), ahead, settlements, keys: new KeyRing(keys), ...own, upstream, log });
    log.info({ url, socket: options.socket, gatewayId, settlementsSent: left, callsCharged: charged }, "gateway up");
    process.send?.({ type: "ready" });
    await untilAborted(new Promise<never>(() => {}), stop);
  } catch (error) {
    if (!stop.aborted) throw error;
  } finally {
    await door.close(LAST_CALLS_MS);
    ahead?.close();
    await upstream.destroy();
    await Promise.all([settlements?.close(LAST_SETTLEMENTS_MS), recordings?.close(LAST_SETTLEMENTS_MS)]);
    server?.destroy();
  }
}

async function register(
  server: ServerCaller,
  body: { gatewayId: string; epoch: string; version: string },
  log: Logger,
  stop: AbortSignal,
): Promise<{ charged: number }> {
  for (let waitMs = FIRST_PAUSE_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_PAUSE_MS)) {
    try {
      return await untilAborted(server.call("registerGateway", { body }), stop);
    } catch (error) {
      stop.throwIfAborted();
      const { code, message } = toSlipwayError(error);
      if (!["SERVER_UNAVAILABLE", "DISK_FULL", "INTERNAL"].includes(code)) throw error;
      log.warn({ code, reason: message, waitMs }, "the gateway could not register; tried again");
    }
    await pause(waitMs, stop);
    stop.throwIfAborted();
  }
}

async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const end = (): void => reject(signal.reason ?? new SlipwayError("WORKER_STOPPED"));
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", end);
  }
}
