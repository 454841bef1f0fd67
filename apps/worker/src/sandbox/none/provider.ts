import { spawn } from "node:child_process";
import { closeSync, openSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { pathWithAgents } from "@slipway/process/agents-folder";
import type { ProcessMark } from "@slipway/process/process-table";
import { gatewaySocketIn } from "@slipway/process/runtime-folder";
import { SlipwayError } from "@slipway/protocol/errors";
import { CommandSandbox } from "../command-sandbox.ts";
import { hostAgents } from "../host-agents.ts";
import { hostPath } from "../host-path.ts";
import { leaseFileIn } from "../lease-file.ts";
import { type ResourceGroup, type ResourceGroups, RUNNER_GROUP } from "../limits/resource-groups.ts";
import { RunnerLink } from "../link/runner-link.ts";
import { UTF8_LOCALE } from "../locale.ts";
import { requirePlatform } from "../platform.ts";
import { isAlive, markProcess } from "../processes.ts";
import { lastWords, ResidentSandbox } from "../resident-sandbox.ts";
import { compileCacheOf, makeCompileCache } from "../runner-cache.ts";
import { runnerCommand } from "../runner-command.ts";
import type { Sandbox, SandboxProvider, SandboxRecord, SandboxSpec } from "../sandbox.ts";
import { isReconnected, newNonce, prepareFolders, runnerLogIn, socketFolderOf, waitForHello } from "../start-resident.ts";
import { runOneShot } from "./one-shot.ts";
import { endFamily, LABEL, leaders, requireProcessTable } from "./strays.ts";

export interface NoneSettings {
  readonly runtimeFolder: string;
  readonly installRoot: string;
  readonly backendsFolder?: string | undefined;
  readonly gatewayFolder?: string | undefined;
  readonly certificates?: string | undefined;
  readonly agentsFolder?: string | undefined;
  readonly groups: ResourceGroups;
}

/** No isolation at all, for machines where a person has asked for that: the same runner as a plain process, found again by a label in its environment. */
export function createNoneProvider(settings: NoneSettings): SandboxProvider {
  const startHere = (spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox> => start(settings, { ...spec, certificates: settings.certificates }, signal);
  return {
    kind: "none",
    hostAgents: hostAgents(settings, startHere),
    async probe() {
      requirePlatform("none", process.platform);
      requireProcessTable();
      await makeCompileCache(settings.runtimeFolder, settings.installRoot);
    },
    start: startHere,
    attach: (record) => attach(settings, record),
    async reclaim(record) {
      await settings.groups.endAll(record.spec.id);
      await endFamily(LABEL, record.spec.id, leaders(record.processes));
      await rm(socketFolderOf(settings.runtimeFolder, record.spec.id), { recursive: true, force: true });
    },
  };
}

function insideOf(spec: SandboxSpec, { gatewayFolder, agentsFolder }: Pick<NoneSettings, "gatewayFolder" | "agentsFolder">): Sandbox["inside"] {
  const gateway = gatewayFolder === undefined ? undefined : gatewaySocketIn(gatewayFolder);
  return {
    workspace: spec.workspace,
    home: spec.home,
    control: spec.control,
    gateway,
    path: hostPath(),
    agentPath: pathWithAgents(agentsFolder, hostPath()),
    certificates: spec.certificates,
  };
}

async function start(settings: NoneSettings, spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox> {
  signal.throwIfAborted();
  if (spec.runner === false) return await withoutRunner(settings, spec);
  const socketFolder = socketFolderOf(settings.runtimeFolder, spec.id);
  await prepareFolders(spec, socketFolder);
  const nonce = newNonce();
  const link = await RunnerLink.listen(join(socketFolder, "s"), nonce);
  let mark: ProcessMark | undefined;
  const group = settings.groups.open(spec.id, RUNNER_GROUP);
  try {
    const child = spawnRunner(settings, spec, socketFolder, group.prefix);
    const ended = new Promise<SlipwayError>((resolve) => {
      child.once("error", (error) => resolve(notStarted(error.message)));
      child.once("exit", () => resolve(notStarted(lastWords(runnerLogIn(spec.control)))));
    });
    mark = child.pid === undefined ? undefined : markProcess(child.pid);
    if (!mark) throw await ended;
    child.stdin?.on("error", () => {});
    child.stdin?.end(`${nonce}\n`);
    await waitForHello(link, ended, signal);
    const sandbox = resident(settings, { spec, kind: "none", nonce, processes: [mark] }, link, group);
    child.once("exit", () => sandbox.look());
    child.unref();
    return sandbox;
  } catch (error) {
    await group.end();
    await endFamily(LABEL, spec.id, leaders(mark ? [mark] : []));
    await link.close(notStarted(String(error)));
    await rm(socketFolder, { recursive: true, force: true });
    throw error;
  }
}

function withoutRunner(settings: NoneSettings, spec: SandboxSpec): Promise<Sandbox> {
  const record: SandboxRecord = { spec, kind: "none", nonce: newNonce(), processes: [] };
  return CommandSandbox.open({
    record,
    inside: insideOf(spec, {}),
    runOneShot: (command, signal) => runOneShot(settings.groups, spec, command, signal),
  });
}

function spawnRunner(settings: NoneSettings, spec: SandboxSpec, socketFolder: string, prefix: readonly string[]) {
  const cache = compileCacheOf(settings.runtimeFolder);
  const paths = {
    socket: join(socketFolder, "s"),
    lease: leaseFileIn(spec.control),
    spool: spec.spool,
    cache,
    ownNamespace: false,
    warmFor: spec.warmFor,
    isAhead: false,
  };
  const [file = "", ...args] = [...prefix, ...runnerCommand(settings.installRoot, paths)];
  rmSync(runnerLogIn(spec.control), { force: true });
  const log = openSync(runnerLogIn(spec.control), "ax", 0o600);
  try {
    const backends = settings.backendsFolder === undefined ? {} : { SLIPWAY_BACKENDS: settings.backendsFolder };
    const env = {
      PATH: pathWithAgents(settings.agentsFolder, hostPath()),
      HOME: spec.home,
      LANG: UTF8_LOCALE,
      [LABEL]: spec.id,
      ...processTableChoice(),
      ...backends,
    };
    return spawn(file, args, { cwd: spec.workspace, stdio: ["pipe", "ignore", log], detached: true, env });
  } finally {
    closeSync(log);
  }
}

/** The runner looks at processes as the worker does. */
function processTableChoice(): Record<string, string> {
  const choice = process.env["SLIPWAY_PROCESS_TABLE"];
  return choice === undefined ? {} : { SLIPWAY_PROCESS_TABLE: choice };
}

function notStarted(words: string): SlipwayError {
  return new SlipwayError("SANDBOX_UNAVAILABLE", `The runner could not be started: ${words || "it ended without a word"}`, {
    hint: "The runner is apps/runner of this installation: `npm ci` there, then `slipway doctor`.",
  });
}

async function attach(settings: NoneSettings, record: SandboxRecord): Promise<Sandbox | undefined> {
  if (record.kind !== "none" || record.processes.length === 0 || !record.processes.every(isAlive)) return undefined;
  const socketFolder = socketFolderOf(settings.runtimeFolder, record.spec.id);
  const link = await RunnerLink.listen(join(socketFolder, "s"), record.nonce);
  const sandbox = resident(settings, record, link, settings.groups.open(record.spec.id, RUNNER_GROUP));
  if (await isReconnected(link).catch(() => false)) return sandbox;
  await sandbox.end();
  return undefined;
}

function resident(settings: NoneSettings, record: SandboxRecord, link: RunnerLink, group: ResourceGroup): ResidentSandbox {
  const { spec, processes } = record;
  return new ResidentSandbox({
    record,
    inside: insideOf(spec, settings),
    link,
    lastWords: () => lastWords(runnerLogIn(spec.control)),
    socketFolder: socketFolderOf(settings.runtimeFolder, spec.id),
    group,
    endProcesses: () => endFamily(LABEL, spec.id, leaders(processes)),
    runOneShot: (command, signal) => runOneShot(settings.groups, spec, command, signal),
  });
}
