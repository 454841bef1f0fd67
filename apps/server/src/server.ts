import type { KeyObject } from "node:crypto";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { trustForGit } from "@slipway/git/environment";
import { installHubHooks } from "@slipway/git/http-backend";
import { removeLeftovers } from "@slipway/git/maintenance";
import { takeFolderLock } from "@slipway/process/folder-lock";
import { pidNamespace } from "@slipway/process/pid-namespace";
import { BUNDLE_FILE, trustCertificates, writeCertificates } from "@slipway/process/trust";
import type { DayBudget } from "@slipway/protocol/budget";
import type { ValueOrigin } from "@slipway/protocol/effective-config";
import { SlipwayError } from "@slipway/protocol/errors";
import type { Forges, HostCredentials } from "@slipway/protocol/forge-settings";
import { type JobDefaults, jobDefaultsSchema } from "@slipway/protocol/installation-config";
import type { NotificationTarget } from "@slipway/protocol/notifications";
import { LEASE_TTL_MS } from "@slipway/protocol/worker-api";
import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import { ArtifactFolder } from "./artifacts/artifact-folder.ts";
import { Cassettes } from "./artifacts/cassettes.ts";
import { JobImageFolder } from "./artifacts/job-image-folder.ts";
import { Refusals } from "./audit/refusals.ts";
import { ChangeFeed } from "./changes/change-feed.ts";
import { WaitingRoom } from "./claims/waiting-room.ts";
import { type ControlPlane, SERVER_VERSION } from "./control-plane.ts";
import { type DataFolder, openDataFolder, removeServerFile, writeServerFile } from "./data-folder.ts";
import { effectiveConfigValues } from "./effective-config.ts";
import { EventBus } from "./events/event-bus.ts";
import { STREAM_TIMES, type StreamTimes } from "./events/stream-times.ts";
import { makeFirstTokens } from "./first-tokens.ts";
import { ForgeRegistry } from "./forges/forges.ts";
import { buildApp } from "./http/app.ts";
import { closeApp } from "./http/close-app.ts";
import { isLoopback } from "./http/origin.ts";
import { Sessions } from "./http/sessions.ts";
import { TokenCache } from "./http/token-cache.ts";
import { hubRoot } from "./hub/hub-folder.ts";
import { Deliveries } from "./landing/delivery/duty.ts";
import { DELIVERY_TIMES, type DeliveryTimes } from "./landing/delivery/failed.ts";
import { Foresight } from "./landing/foresight.ts";
import { writeMissingNotes } from "./landing/notes.ts";
import { recoverLandings } from "./landing/recover.ts";
import { type Clocks, LeaseClock, REAL_CLOCKS } from "./lease-clock.ts";
import { type NotificationTimes, Notifier } from "./notifications/duty.ts";
import { Pruner } from "./prune/pruner.ts";
import { Reaper } from "./reaper.ts";
import { CircuitWatch } from "./routing/circuit-watch.ts";
import { openCredentialKey } from "./secrets.ts";
import { CIRCUIT_LIMITS, type CircuitLimits } from "./store/circuit-limits.ts";
import { openSqliteStore } from "./store/sqlite/open.ts";
import type { Store } from "./store/store.ts";
import { UpstreamWatch } from "./upstream/upstream-watch.ts";
import { WorkerDirectory } from "./workers/worker-directory.ts";
import { WorkerSignals } from "./workers/worker-signals.ts";

/** How long a final job keeps its events, artifacts and commits where nothing else is said, in ms: 30 days. */
export const RETENTION_MS = 2_592_000_000;

/** Where `npm run build` puts the dashboard. */
const DASHBOARD = join(import.meta.dirname, "../../web/dist");

export interface ServerOptions {
  /** The data folder. */
  readonly data: string;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Address under which others on this machine reach the server, where that is not the one that it listens on: in a container it is not. */
  readonly announce?: string;
  /** Allows a host that other machines reach. */
  readonly allowRemote: boolean;
  readonly allowedOrigins: readonly string[];
  readonly log: Logger;
  /** How long a final job keeps its events, artifacts and commits, in ms; `RETENTION_MS` where it is missing. */
  readonly retentionMs?: number;
  /** What jobs get that neither say it themselves nor have it from their repository; the built-in defaults where it is missing. */
  readonly jobDefaults?: JobDefaults;
  /** What all jobs together may spend on models in a day; no limit where it is missing. */
  readonly dayBudget?: DayBudget;
  /** When a backend that fails again and again gets no jobs for a while; `CIRCUIT_LIMITS` where they are missing. */
  readonly circuitLimits?: CircuitLimits;
  /** File of further certificates that git trusts when it fetches from where a repository is; none where it is missing. */
  readonly extraCaCerts?: string | undefined;
  /** Git hosts by the host of an address; those of `DEFAULT_FORGES` where it is missing. */
  readonly forges?: Forges;
  /** Names of secrets by host, for repositories that name none. */
  readonly hostCredentials?: HostCredentials;
  /** How often a young pull request is looked at, in ms; a minute where it is missing. */
  readonly pullRequestPollMs?: number;
  /** `DELIVERY_TIMES` where they are missing. */
  readonly deliveryTimes?: DeliveryTimes;
  /** Who is told of jobs by HTTP; nobody where it is missing. */
  readonly notifications?: readonly NotificationTarget[];
  /** `NOTIFICATION_TIMES` where they are missing. */
  readonly notificationTimes?: NotificationTimes;
  /** Address at which people reach the pages; the server's own where it is missing. */
  readonly publicUrl?: string;
  /** What pauses between tries of a git host are counted in, in ms; a second where it is missing. */
  readonly forgeRetryUnitMs?: number;
  /** Folder of the built dashboard; the checkout's own where it is missing. */
  readonly dashboard?: string;
  /** Where the values above come from; those that are missing have their default. */
  readonly origins?: readonly ValueOrigin[];
  /** When a connection counts as dead; `STREAM_TIMES` where they are missing. */
  readonly streamTimes?: StreamTimes;
  /** By which a jump of time is noticed; the machine's own where they are missing. Leases themselves are the database's. */
  readonly clocks?: Clocks;
}

export interface RunningServer extends AsyncDisposable {
  readonly url: string;
  readonly plane: ControlPlane;
  readonly app: FastifyInstance;
  readonly reaper: Reaper;
  readonly pruner: Pruner;
  /** Ends long polls and streams, stops listening, closes the store, frees the data folder. A second call waits for the first. */
  close(): Promise<void>;
}

/**
 * Starts the control plane: takes the data folder, opens the store, gives leases their grace, finishes landings that a crash cut off, and only then
 * listens. DATA_FOLDER_IN_USE where another server has the folder; INVALID_REQUEST for a host beyond this machine without `allowRemote`; INVALID_CONFIG for
 * the certificates.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  checkHost(options);
  const folder = await openDataFolder(options.data);
  await using resources = new AsyncDisposableStack();
  resources.use(takeFolderLock({ path: folder.lock, part: "server", data: folder.root }));
  if (options.extraCaCerts !== undefined) {
    await trustCertificates(options.extraCaCerts);
    trustForGit(join(await writeCertificates(options.extraCaCerts, folder.certificates), BUNDLE_FILE));
  }
  const { circuitLimits = CIRCUIT_LIMITS, notifications = [] } = options;
  const store = resources.use(await openSqliteStore({ file: folder.database, circuitLimits, receivers: notifications }));
  await makeFirstTokens(folder, store);
  await installHubHooks(folder.hubHooks);
  const credentialKey = await openCredentialKey(folder);

  const closing = new AbortController();
  const address = { url: "" };
  const { plane, reaper, foresight, upstream } = assemble(options, { folder, store, credentialKey, closing: closing.signal }, address);
  await store.graceLeases(LEASE_TTL_MS);
  // Nothing of ours is at work there yet.
  for (const { id } of await store.listRepositories()) await removeLeftovers(hubRoot(folder, id));
  await recoverLandings(plane);
  await writeMissingNotes(plane);
  await plane.circuits.look();
  const app = await buildApp(plane);
  // What is looked at uses the store.
  resources.defer(async () => await foresight.settled());
  // After the app is closed: nothing is refused then any more.
  resources.defer(async () => await plane.refusals.flush());
  resources.defer(async () => await closeApp(app));
  const url = await listen(app, options);
  resources.defer(() => removeServerFile(folder));
  await writeServerFile(folder, {
    url: options.announce ?? url,
    pid: process.pid,
    pidNamespace: pidNamespace(),
    installationId: store.installationId,
    version: SERVER_VERSION,
  });
  reaper.start();
  resources.defer(async () => await reaper.stop());
  plane.deliveries.start();
  resources.defer(async () => await plane.deliveries.stop());
  address.url = options.announce ?? url;
  plane.notifier.start();
  resources.defer(async () => await plane.notifier.stop());
  const pruner = new Pruner(plane, { retentionMs: options.retentionMs ?? RETENTION_MS });
  pruner.start();
  resources.defer(async () => await pruner.stop());
  upstream.start();
  resources.defer(async () => await upstream.stop());
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
  return { url, plane, app, reaper, pruner, close, [Symbol.asyncDispose]: close };
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

interface Opened {
  readonly folder: DataFolder;
  readonly store: Store;
  readonly credentialKey: KeyObject;
  readonly closing: AbortSignal;
}

/** `address` is known once the server listens. */
function assemble(
  options: ServerOptions,
  opened: Opened,
  address: { readonly url: string },
): { plane: ControlPlane; reaper: Reaper; foresight: Foresight; upstream: UpstreamWatch } {
  const { folder, store } = opened;
  const streamTimes = options.streamTimes ?? STREAM_TIMES;
  const artifacts = new ArtifactFolder(folder.artifacts);
  const plane: ControlPlane = {
    ...opened,
    streamTimes,
    log: options.log,
    artifacts,
    cassettes: new Cassettes(artifacts),
    jobImages: new JobImageFolder(folder.jobImages),
    events: new EventBus((jobId, change) => {
      plane.changes.job(jobId, change);
      if (change === "state") plane.notifier.poke();
    }),
    changes: new ChangeFeed(),
    tokens: new TokenCache(store),
    sessions: new Sessions(store, opened.credentialKey),
    dashboard: options.dashboard ?? DASHBOARD,
    refusals: new Refusals(store, options.log),
    jobRoom: new WaitingRoom(),
    completionRoom: new WaitingRoom(),
    workers: new WorkerDirectory(store),
    signals: new WorkerSignals(streamTimes.pingMs, () => plane.changes.topic("workers")),
    circuits: new CircuitWatch(store),
    hostCredentials: options.hostCredentials ?? {},
    forges: new ForgeRegistry(folder.root, options.forges ?? {}, options.forgeRetryUnitMs),
    deliveries: new Deliveries(() => plane, options.log),
    deliveryTimes: options.deliveryTimes ?? DELIVERY_TIMES,
    pullRequestPollMs: options.pullRequestPollMs ?? 60_000,
    notifier: new Notifier({
      ...{ store, log: options.log, dataFolder: folder.root, receivers: options.notifications ?? [] },
      publicUrl: () => options.publicUrl ?? address.url,
      ...(options.notificationTimes === undefined ? {} : { times: options.notificationTimes }),
    }),
    landing: new Set(),
    leaseClock: new LeaseClock(async () => await store.graceLeases(LEASE_TTL_MS), options.clocks ?? REAL_CLOCKS),
    scheduleChanged: () => reaper.poke(),
    targetChanged: (repoId, target) => foresight.look(repoId, target),
    upstreamChanged: (repoId) => upstream.poke(repoId),
    dayBudget: options.dayBudget ?? {},
    jobDefaults: options.jobDefaults ?? jobDefaultsSchema.parse({}),
    allowedOrigins: options.allowedOrigins,
    config: effectiveConfigValues(options, options.retentionMs ?? RETENTION_MS),
    loopbackOnly: !options.allowRemote,
  };
  const reaper: Reaper = new Reaper(plane);
  const foresight: Foresight = new Foresight(plane);
  const upstream: UpstreamWatch = new UpstreamWatch(plane);
  return { plane, reaper, foresight, upstream };
}

async function listen(app: FastifyInstance, { host, port }: ServerOptions): Promise<string> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    const hint = "Choose another one with --port; 0 takes any that is free.";
    throw new SlipwayError("INVALID_REQUEST", `The port ${port} is taken by another program.`, { port, hint }, { cause: error });
  }
  const address = app.server.address() as AddressInfo;
  const name = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return `http://${name}:${address.port}`;
}
