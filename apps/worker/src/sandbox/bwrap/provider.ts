import { closeSync, openSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { pathWithAgents } from "@slipway/process/agents-folder";
import type { ProcessMark } from "@slipway/process/process-table";
import { gatewaySocketIn } from "@slipway/process/runtime-folder";
import { CommandSandbox } from "../command-sandbox.ts";
import { hostAgents } from "../host-agents.ts";
import { hostPath } from "../host-path.ts";
import { type ResourceGroup, RUNNER_GROUP } from "../limits/resource-groups.ts";
import { RunnerLink } from "../link/runner-link.ts";
import { requirePlatform } from "../platform.ts";
import { endMarked, isAlive } from "../processes.ts";
import { lastWords, ResidentSandbox } from "../resident-sandbox.ts";
import { compileCacheOf } from "../runner-cache.ts";
import { runnerCommand } from "../runner-command.ts";
import type { Sandbox, SandboxProvider, SandboxRecord, SandboxSpec } from "../sandbox.ts";
import { isReconnected, newNonce, prepareFolders, runnerLogIn, socketFolderOf, waitForHello } from "../start-resident.ts";
import { type BwrapSettings, openHost } from "./host.ts";
import { INIT_NAME, labelledInits } from "./labelled-inits.ts";
import { runOneShot } from "./one-shot.ts";
import { type Bubblewrap, bubblewrapFailed, spawnBubblewrap } from "./spawn-bubblewrap.ts";
import { strayCommands } from "./stray-commands.ts";
import { type HostView, INSIDE, viewOptions } from "./view.ts";

/**
 * First in the namespace. Init there cannot be killed or stopped from inside, reaps what is orphaned, and its end is the end of all. The sandbox's id
 * among its arguments is its label.
 */
function initCommand(id: string): string[] {
  return ["/bin/sh", "-c", 'shift; "$@"; exit $?', INIT_NAME, id];
}
/** PATH is as the agents have it: a backend that warms up looks for its agent there. */
function runnerEnvironment(host: HostView): Record<string, string> {
  return {
    PATH: pathWithAgents(host.agentsFolder, hostPath()),
    HOME: INSIDE.home,
    LANG: "C.UTF-8",
    ...(host.backends ? { SLIPWAY_BACKENDS: host.backends.folder } : {}),
  };
}

/** Sandboxes by bubblewrap: namespaces of their own, and of the host only what is named. */
export function createBwrapProvider(settings: BwrapSettings): SandboxProvider {
  let opened: Promise<HostView> | undefined;
  // A host that does not hold now may hold after its owner mended it.
  const host = (): Promise<HostView> =>
    (opened ??= openHost(settings).catch((error) => {
      opened = undefined;
      throw error;
    }));
  const startHere = async (spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox> =>
    await start(settings, await host(), { ...spec, certificates: settings.certificates }, signal);
  return {
    kind: "bwrap",
    hostAgents: hostAgents(settings, startHere),
    async probe() {
      requirePlatform("bwrap", process.platform);
      opened = undefined;
      await host();
    },
    start: startHere,
    attach: async (record) => await attach(settings, await host(), record),
    async reclaim(record) {
      // Without its processes it is the record of a start that a killed worker did not see the end of.
      await endMarked(record.processes.length > 0 ? record.processes : labelledInits(record.spec.id));
      await settings.groups.endAll(record.spec.id);
      await rm(socketFolderOf(settings.runtimeFolder, record.spec.id), { recursive: true, force: true });
    },
    removeStrays: async () => await endMarked(strayCommands(settings.runtimeFolder)),
  };
}

async function start(settings: BwrapSettings, host: HostView, spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox> {
  signal.throwIfAborted();
  if (spec.runner === false) return await withoutRunner(host, spec);
  const socketFolder = socketFolderOf(settings.runtimeFolder, spec.id);
  await prepareFolders(spec, socketFolder);
  const nonce = newNonce();
  const link = await RunnerLink.listen(join(socketFolder, "s"), nonce);
  let first: ProcessMark | undefined;
  const group = host.groups.open(spec.id, RUNNER_GROUP);
  try {
    const bubblewrap = spawnRunner(settings, host, spec, socketFolder, group.prefix);
    bubblewrap.child.stdin?.on("error", () => {});
    bubblewrap.child.stdin?.end(`${nonce}\n`);
    const ended = whyEnded(bubblewrap, spec);
    first = await bubblewrap.first;
    if (!first) throw await ended;
    await waitForHello(link, ended, signal);
    const record: SandboxRecord = { spec, kind: "bwrap", nonce, processes: [first] };
    const sandbox = resident(settings, host, record, link, group);
    sandbox.startAhead();
    bubblewrap.child.once("exit", () => sandbox.look());
    // A worker that has nothing else to do may end; the sandbox goes on.
    bubblewrap.child.unref();
    return sandbox;
  } catch (error) {
    if (first) await endMarked([first]);
    await group.end();
    await link.close(bubblewrapFailed(String(error), error));
    await rm(socketFolder, { recursive: true, force: true });
    throw error;
  }
}

function insideOf({ certificates }: SandboxSpec, { gatewayFolder, agentsFolder }: Pick<BwrapSettings, "gatewayFolder" | "agentsFolder">): Sandbox["inside"] {
  const gateway = gatewayFolder === undefined ? undefined : gatewaySocketIn(INSIDE.gateway);
  return {
    workspace: INSIDE.workspace,
    home: INSIDE.home,
    control: INSIDE.control,
    gateway,
    path: hostPath(),
    agentPath: pathWithAgents(agentsFolder, hostPath()),
    certificates: certificates && INSIDE.certificates,
  };
}

function withoutRunner(host: HostView, spec: SandboxSpec): Promise<Sandbox> {
  const record: SandboxRecord = { spec, kind: "bwrap", nonce: newNonce(), processes: [] };
  return CommandSandbox.open({ record, inside: insideOf(spec, {}), runOneShot: (command, signal) => runOneShot(host, spec, command, signal) });
}

function spawnRunner(settings: BwrapSettings, host: HostView, spec: SandboxSpec, socketFolder: string, prefix: readonly string[]): Bubblewrap {
  const cacheFolder = compileCacheOf(settings.runtimeFolder);
  const view = viewOptions(host, spec, { network: "none", runner: { socketFolder, cacheFolder, gatewayFolder: settings.gatewayFolder } });
  const environment = Object.entries(runnerEnvironment(host)).flatMap(([name, value]) => ["--setenv", name, value]);
  const paths = { socket: `${INSIDE.run}/s`, lease: `${INSIDE.control}/lease.json`, spool: INSIDE.spool };
  const command = runnerCommand(settings.installRoot, {
    ...paths,
    cache: cacheFolder && INSIDE.cache,
    ownNamespace: true,
    warmFor: spec.warmFor,
    isAhead: spec.ahead !== undefined,
  });
  // A pipe would break, and kill, when the worker is gone; a file stays.
  rmSync(runnerLogIn(spec.control), { force: true });
  const log = openSync(runnerLogIn(spec.control), "ax", 0o600);
  try {
    const argv = [...host.commandPrefix, ...initCommand(spec.id), ...command];
    return spawnBubblewrap([...view, ...environment, "--as-pid-1"], argv, { stdin: "pipe", stdout: "ignore", stderr: log }, prefix);
  } finally {
    closeSync(log);
  }
}

function whyEnded(bubblewrap: Bubblewrap, spec: SandboxSpec) {
  return new Promise<ReturnType<typeof bubblewrapFailed>>((resolve) => {
    bubblewrap.child.once("error", (error) => resolve(bubblewrapFailed(error.message, error)));
    bubblewrap.child.once("exit", () => resolve(bubblewrapFailed(lastWords(runnerLogIn(spec.control)))));
  });
}

async function attach(settings: BwrapSettings, host: HostView, record: SandboxRecord): Promise<Sandbox | undefined> {
  if (record.kind !== "bwrap" || record.processes.length === 0 || !record.processes.every(isAlive)) return undefined;
  const socketFolder = socketFolderOf(settings.runtimeFolder, record.spec.id);
  const link = await RunnerLink.listen(join(socketFolder, "s"), record.nonce);
  const sandbox = resident(settings, host, record, link, host.groups.open(record.spec.id, RUNNER_GROUP));
  if (await isReconnected(link).catch(() => false)) return sandbox;
  await sandbox.end();
  return undefined;
}

function resident(settings: BwrapSettings, host: HostView, record: SandboxRecord, link: RunnerLink, group: ResourceGroup): ResidentSandbox {
  return new ResidentSandbox({
    record,
    inside: insideOf(record.spec, settings),
    link,
    lastWords: () => lastWords(runnerLogIn(record.spec.control)),
    socketFolder: socketFolderOf(settings.runtimeFolder, record.spec.id),
    socketsInside: INSIDE.run,
    group,
    endProcesses: () => endMarked(record.processes),
    runOneShot: (command, signal) => runOneShot(host, record.spec, command, signal),
  });
}
