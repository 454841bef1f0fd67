import { createHash } from "node:crypto";
import { join } from "node:path";
import { StoreKeeper } from "@slipway/git/store-keeper";
import { secretsFolder } from "@slipway/process/secret-file";
import { Client } from "@slipway/protocol/client";
import { SlipwayError } from "@slipway/protocol/errors";
import { DEFAULT_PORTS, parsePortRange } from "@slipway/protocol/port-range";
import type { AttemptServices } from "../attempt/services.ts";
import type { HostAgents } from "../sandbox/sandbox.ts";
import { BackendSecrets } from "../secrets/backend-secrets.ts";
import type { Workspaces } from "../workspaces/workspaces.ts";
import { AgentWatch } from "./agent-watch.ts";
import type { WorkerFolders } from "./folders.ts";
import { Homes } from "./homes.ts";
import { JobPortRanges } from "./job-ports.ts";
import type { Leases } from "./leases.ts";
import type { DaemonOptions } from "./options.ts";
import { startWarm } from "./start-warm.ts";
import { HomeSweeper } from "./sweep-homes.ts";
import { WarmPool } from "./warm.ts";
import { WarmMounts } from "./warm-mounts.ts";
import { WorkerReporter } from "./worker-report.ts";

/** No job for this long, in ms, and sandboxes that wait are ended, but for the least number. */
const WARM_IDLE_MS = 900_000;

/** What ends parts of the worker. */
export interface Controls {
  readonly claiming: AbortController;
  readonly stop: AbortController;
  readonly giveUp: AbortController;
}

/** Makes what the attempts of this worker share. */
export async function makeServices(
  options: DaemonOptions,
  workerId: string,
  folders: WorkerFolders,
  workspaces: Workspaces,
  leases: Leases,
  controls: Controls,
): Promise<AttemptServices> {
  const { provider, log, slots } = options;
  const client = new Client({ url: options.url, token: options.token });
  const warm: WarmPool = new WarmPool({
    slots: Math.min(slots, options.warm?.max ?? slots),
    ...poolRest(options),
    start: (shape, onLost, signal) =>
      startWarm({ folders, provider, leases, onWarmed: (image, failures) => reporter.warmed(image, failures) }, shape, onLost, signal),
    onTroubles: () => void reporter.say(),
    log,
  });
  const namesOf = (manifests: DaemonOptions["manifests"]): string[] => manifests.map(({ name }) => name);
  const gateway = options.gatewaySocket === undefined ? undefined : { socket: options.gatewaySocket, backends: namesOf(needModels(options)) };
  const watch = provider.hostAgents && watchOf(options, provider.hostAgents, folders, () => void reporter.say());
  const reporter: WorkerReporter = new WorkerReporter({
    ...{ client, workerId, provider, gateway, log },
    backends: namesOf(options.manifests),
    brokenBackends: [...(options.brokenBackends ?? [])],
    pool: warm,
    ...(watch ? { hostAgents: () => watch.found } : {}),
  });
  const homes = new Homes(folders.homes);
  const stores = new StoreKeeper({
    folder: folders.repositories,
    onTrouble: (err, repositoryId) => log.warn({ err, repositoryId }, "the git stores of a repository could not be cleaned; tried again later"),
    ...(options.storesIdleMs === undefined ? {} : { idleMs: options.storesIdleMs }),
  });
  const sweeper = new HomeSweeper({ homes, client, log, ...(options.sweepMs === undefined ? {} : { intervalMs: options.sweepMs }) });
  return {
    folders,
    client,
    provider,
    leases,
    homes,
    stores,
    workspaces,
    sweeper,
    ports: portsOf(options, workerId),
    warm,
    reporter,
    agentWatch: watch,
    warmMounts: await WarmMounts.open(`${folders.root}/warm.json`),
    toolchains: options.toolchains,
    secrets: new BackendSecrets({
      folder: secretsFolder(options.dataFolder, "worker"),
      variables: new Map(),
      ...options.secrets,
      manifests: options.manifests,
    }),
    manifests: options.manifests,
    gatewaySocket: options.gatewaySocket,
    egressPrivateHosts: options.egressPrivateHosts ?? [],
    log,
    runAttempt: options.runAttempt,
    stop: controls.stop.signal,
    giveUp: controls.giveUp.signal,
    running: new Map(),
    inboxes: new Map(),
    ...(options.spoolLimitBytes === undefined ? {} : { spoolLimitBytes: options.spoolLimitBytes }),
  };
}

function watchOf({ manifests, version, toolchains, log }: DaemonOptions, agents: HostAgents, folders: WorkerFolders, onChange: () => void): AgentWatch {
  return new AgentWatch({ agents, manifests, version, toolchains, file: join(folders.root, "agents.json"), sandboxes: folders.sandboxes, onChange, log });
}

function needModels({ manifests }: DaemonOptions): DaemonOptions["manifests"] {
  return manifests.filter(({ capabilities }) => capabilities.model);
}

function portsOf({ ports, slots, verifySlots, provider }: DaemonOptions, workerId: string): JobPortRanges {
  const range = ports ?? parsePortRange(DEFAULT_PORTS);
  if (!range) throw new SlipwayError("INTERNAL", "The default range of ports is none.");
  return new JobPortRanges({ range, slots: slots + verifySlots, seed: createHash("sha256").update(workerId).digest().readUInt32BE(), kind: provider.kind });
}

/** Containers that wait cost memory: without a word of a person, one stays when no job has come for a while. */
function poolRest({ provider, warm }: DaemonOptions): { min?: number; idleMs?: number } {
  const isDocker = provider.kind === "docker";
  const min = warm?.min ?? (isDocker ? 1 : undefined);
  const idleMs = warm?.idleMs ?? (isDocker || warm?.min !== undefined ? WARM_IDLE_MS : undefined);
  return { ...(min === undefined ? {} : { min }), ...(idleMs === undefined ? {} : { idleMs }) };
}
