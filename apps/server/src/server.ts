import type { AddressInfo } from "node:net";
import { installHubHooks } from "@slipway/git/http-backend";
import { SlipwayError } from "@slipway/protocol/errors";
import { LEASE_TTL_MS } from "@slipway/protocol/worker-api";
import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import { ArtifactFolder } from "./artifacts/artifact-folder.ts";
import { WaitingRoom } from "./claims/waiting-room.ts";
import { type ControlPlane, SERVER_VERSION } from "./control-plane.ts";
import { type DataFolder, openDataFolder, removeServerFile, writeServerFile } from "./data-folder.ts";
import { takeDataLock } from "./data-lock.ts";
import { EventBus } from "./events/event-bus.ts";
import { makeFirstTokens } from "./first-tokens.ts";
import { buildApp } from "./http/app.ts";
import { closeApp } from "./http/close-app.ts";
import { isLoopback } from "./http/origin.ts";
import { TokenCache } from "./http/token-cache.ts";
import { recoverLandings } from "./landing/recover.ts";
import { LeaseClock } from "./lease-clock.ts";
import { Reaper } from "./reaper.ts";
import { openSqliteStore } from "./store/sqlite/open.ts";
import type { Store } from "./store/store.ts";
import { WorkerDirectory } from "./workers/worker-directory.ts";
import { WorkerSignals } from "./workers/worker-signals.ts";

export interface ServerOptions {
  /** The data folder. */
  readonly data: string;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Allows a host that other machines reach. */
  readonly allowRemote: boolean;
  readonly allowedOrigins: readonly string[];
  readonly log: Logger;
}

export interface RunningServer extends AsyncDisposable {
  readonly url: string;
  readonly plane: ControlPlane;
  readonly app: FastifyInstance;
  readonly reaper: Reaper;
  /** Ends long polls and streams, stops listening, closes the store, frees the data folder. A second call waits for the first. */
  close(): Promise<void>;
}

/**
 * Starts the control plane: takes the data folder, opens the store, gives leases their grace, finishes landings that a crash cut off, and only then
 * listens. DATA_FOLDER_IN_USE where another server has the folder; INVALID_REQUEST for a host beyond this machine without `allowRemote`.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  checkHost(options);
  const folder = await openDataFolder(options.data);
  await using resources = new AsyncDisposableStack();
  resources.use(takeDataLock(folder));
  const store = resources.use(await openSqliteStore({ file: folder.database }));
  await makeFirstTokens(folder, store);
  await installHubHooks(folder.hubHooks);

  const closing = new AbortController();
  const { plane, reaper } = assemble(options, folder, store, closing.signal);
  await store.graceLeases(LEASE_TTL_MS);
  await recoverLandings(plane);
  const app = await buildApp(plane);
  resources.defer(async () => await closeApp(app));
  const url = await listen(app, options);
  resources.defer(() => removeServerFile(folder));
  await writeServerFile(folder, { url, pid: process.pid, installationId: store.installationId, version: SERVER_VERSION });
  reaper.start();
  resources.defer(async () => await reaper.stop());
  resources.defer(() => {
    closing.abort();
    plane.jobRoom.close();
    plane.completionRoom.close();
    plane.signals.close();
  });

  const owned = resources.move();
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= owned.disposeAsync();
    return closed;
  };
  return { url, plane, app, reaper, close, [Symbol.asyncDispose]: close };
}

function checkHost({ host, allowRemote }: ServerOptions): void {
  if (allowRemote || isLoopback(host)) return;
  throw new SlipwayError("INVALID_REQUEST", `The host ${host} can be reached from other machines.`, {
    field: "host",
    value: host,
    expected: "a loopback address such as 127.0.0.1",
    hint: "Start it with --host 127.0.0.1, or pass --allow-remote if other machines are meant to reach it.",
  });
}

function assemble(options: ServerOptions, folder: DataFolder, store: Store, closing: AbortSignal): { plane: ControlPlane; reaper: Reaper } {
  const plane: ControlPlane = {
    store,
    folder,
    closing,
    log: options.log,
    artifacts: new ArtifactFolder(folder.artifacts),
    events: new EventBus(),
    tokens: new TokenCache(store),
    jobRoom: new WaitingRoom(),
    completionRoom: new WaitingRoom(),
    workers: new WorkerDirectory(store),
    signals: new WorkerSignals(),
    landing: new Set(),
    leaseClock: new LeaseClock(async () => await store.graceLeases(LEASE_TTL_MS)),
    scheduleChanged: () => reaper.poke(),
    allowedOrigins: options.allowedOrigins,
    loopbackOnly: !options.allowRemote,
  };
  const reaper: Reaper = new Reaper(plane);
  return { plane, reaper };
}

async function listen(app: FastifyInstance, { host, port }: ServerOptions): Promise<string> {
  await app.listen({ host, port });
  const address = app.server.address() as AddressInfo;
  const name = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return `http://${name}:${address.port}`;
}
