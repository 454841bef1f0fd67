import { spawn } from "node:child_process";
import { closeSync, openSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";
import { CommandSandbox } from "../command-sandbox.ts";
import { leaseFileIn } from "../lease-file.ts";
import { RunnerLink } from "../link/runner-link.ts";
import { endMarked, isAlive, markProcess, type ProcessMark } from "../processes.ts";
import { lastWords, ResidentSandbox } from "../resident-sandbox.ts";
import { compileCacheOf, makeCompileCache, runnerCommand } from "../runner-command.ts";
import type { Sandbox, SandboxProvider, SandboxRecord, SandboxSpec } from "../sandbox.ts";
import { isReconnected, newNonce, prepareFolders, runnerLogIn, socketFolderOf, waitForHello } from "../start-resident.ts";
import { runOneShot } from "./one-shot.ts";
import { LABEL, labelledProcesses } from "./strays.ts";

export interface NoneSettings {
  readonly runtimeFolder: string;
  readonly installRoot: string;
}

/** No isolation at all, for machines where a person has asked for that: the same runner as a plain process, found again by a label in its environment. */
export function createNoneProvider(settings: NoneSettings): SandboxProvider {
  return {
    kind: "none",
    async probe() {
      requireLinux(process.platform);
      await makeCompileCache(settings.runtimeFolder, settings.installRoot);
    },
    start: (spec, signal) => start(settings, spec, signal),
    attach: (record) => attach(settings, record),
    async reclaim(record) {
      await endAll(record.spec.id, record.processes);
      await rm(socketFolderOf(settings.runtimeFolder, record.spec.id), { recursive: true, force: true });
    },
  };
}

/** Processes are told apart, and strays found, by what Linux says of them in /proc. SANDBOX_UNAVAILABLE elsewhere, at once. */
export function requireLinux(platform: NodeJS.Platform): void {
  if (platform === "linux") return;
  throw new SlipwayError("SANDBOX_UNAVAILABLE", `A worker runs on Linux only, and this is ${platform}.`, {
    platform,
    hint: "Run the worker on a Linux machine, in a virtual machine, or in WSL 2.",
  });
}

function insideOf(spec: SandboxSpec): Sandbox["inside"] {
  return { workspace: spec.workspace, home: spec.home };
}

async function start(settings: NoneSettings, spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox> {
  signal.throwIfAborted();
  if (spec.runner === false) return await withoutRunner(spec);
  const socketFolder = socketFolderOf(settings.runtimeFolder, spec.id);
  await prepareFolders(spec, socketFolder);
  const nonce = newNonce();
  const link = await RunnerLink.listen(join(socketFolder, "s"), nonce);
  try {
    const child = spawnRunner(settings, spec, socketFolder);
    const ended = new Promise<SlipwayError>((resolve) => {
      child.once("error", (error) => resolve(notStarted(error.message)));
      child.once("exit", () => resolve(notStarted(lastWords(runnerLogIn(spec.control)))));
    });
    const mark = child.pid === undefined ? undefined : markProcess(child.pid);
    if (!mark) throw await ended;
    child.stdin?.on("error", () => {});
    child.stdin?.end(`${nonce}\n`);
    await waitForHello(link, ended, signal);
    const sandbox = resident({ spec, kind: "none", nonce, processes: [mark] }, link, socketFolder);
    child.once("exit", () => sandbox.look());
    child.unref();
    return sandbox;
  } catch (error) {
    await endAll(spec.id, []);
    await link.close(notStarted(String(error)));
    await rm(socketFolder, { recursive: true, force: true });
    throw error;
  }
}

function withoutRunner(spec: SandboxSpec): Promise<Sandbox> {
  const record: SandboxRecord = { spec, kind: "none", nonce: newNonce(), processes: [] };
  return CommandSandbox.open({ record, inside: insideOf(spec), runOneShot: (command, signal) => runOneShot(spec, command, signal) });
}

function spawnRunner(settings: NoneSettings, spec: SandboxSpec, socketFolder: string) {
  const cache = compileCacheOf(settings.runtimeFolder);
  const paths = { socket: join(socketFolder, "s"), lease: leaseFileIn(spec.control), spool: spec.spool, cache, ownNamespace: false };
  const [file = "", ...args] = runnerCommand(settings.installRoot, paths);
  rmSync(runnerLogIn(spec.control), { force: true });
  const log = openSync(runnerLogIn(spec.control), "ax", 0o600);
  try {
    const env = { PATH: process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin", HOME: spec.home, LANG: "C.UTF-8", [LABEL]: spec.id };
    return spawn(file, args, { cwd: spec.workspace, stdio: ["pipe", "ignore", log], detached: true, env });
  } finally {
    closeSync(log);
  }
}

function notStarted(words: string): SlipwayError {
  return new SlipwayError("SANDBOX_UNAVAILABLE", `The runner could not be started: ${words || "it ended without a word"}`, {
    hint: "The runner is apps/runner of this installation: `npm ci` there, then `slipway doctor`.",
  });
}

async function attach(settings: NoneSettings, record: SandboxRecord): Promise<Sandbox | undefined> {
  if (record.kind !== "none" || record.spec.runner === false || !record.processes.every(isAlive)) return undefined;
  const socketFolder = socketFolderOf(settings.runtimeFolder, record.spec.id);
  const link = await RunnerLink.listen(join(socketFolder, "s"), record.nonce);
  const sandbox = resident(record, link, socketFolder);
  if (await isReconnected(link).catch(() => false)) return sandbox;
  await sandbox.end();
  return undefined;
}

function resident(record: SandboxRecord, link: RunnerLink, socketFolder: string): ResidentSandbox {
  const { spec, processes } = record;
  return new ResidentSandbox({
    record,
    inside: insideOf(spec),
    link,
    logPath: runnerLogIn(spec.control),
    socketFolder,
    endProcesses: () => endAll(spec.id, processes),
    runOneShot: (command, signal) => runOneShot(spec, command, signal),
  });
}

/** Kills what is labelled until nothing new shows up: one that forks while the others are looked for is found in the next round. */
async function endAll(id: string, known: readonly ProcessMark[]): Promise<void> {
  await endMarked([...labelledProcesses(LABEL, id), ...known.filter(isAlive)]);
  for (let round = 0; round < 20; round += 1) {
    const left = labelledProcesses(LABEL, id);
    if (left.length === 0) return;
    await endMarked(left);
  }
  throw new SlipwayError("INTERNAL", "Processes of a sandbox without isolation keep coming back.", { sandbox: id });
}
