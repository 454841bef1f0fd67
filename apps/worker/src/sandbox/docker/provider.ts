import { chmod, chown, rm } from "node:fs/promises";
import { join } from "node:path";
import { gatewaySocketIn } from "@slipway/process/runtime-folder";
import { SlipwayError } from "@slipway/protocol/errors";
import { CommandSandbox } from "../command-sandbox.ts";
import { RunnerLink } from "../link/runner-link.ts";
import { requirePlatform } from "../platform.ts";
import { ResidentSandbox, type Watch } from "../resident-sandbox.ts";
import type { Sandbox, SandboxProvider, SandboxRecord, SandboxSpec } from "../sandbox.ts";
import { isReconnected, newNonce, prepareFolders, socketFolderOf, waitForHello } from "../start-resident.ts";
import { agentUser, giveToAgent } from "./agent-user.ts";
import { CommandContainers } from "./command-containers.ts";
import { endContainers, findContainer, type LiveContainer, startContainer } from "./container.ts";
import { containerGroup } from "./container-group.ts";
import { type DockerHost, type DockerSettings, hostFor, openDockerHost } from "./host.ts";
import { SANDBOX_LABEL } from "./labels.ts";
import { LastWords } from "./last-words.ts";
import { INSIDE, RUNNER, runnerMounts, specMounts } from "./mounts.ts";
import { tryHost } from "./try-host.ts";

/** Where an image has the runner's code compiled; one without starts slower. */
const COMPILE_CACHE = "/opt/slipway/compile-cache";

/** Sandboxes by a container engine: a system of their own, from an image, and of the host only the job's own folders. */
export function createDockerProvider(settings: DockerSettings): SandboxProvider {
  let opened: Promise<DockerHost> | undefined;
  let known: DockerHost | undefined;
  const open = async (): Promise<DockerHost> => {
    const found = await openDockerHost(settings);
    await tryHost(found);
    known = found;
    return found;
  };
  // A host that does not hold now may hold after its owner mended it.
  const host = (): Promise<DockerHost> =>
    (opened ??= open().catch((error) => {
      opened = undefined;
      throw error;
    }));
  return {
    kind: "docker",
    owner: agentUser(),
    get image() {
      return known?.image;
    },
    get images() {
      return known?.images;
    },
    async probe() {
      requirePlatform("docker", process.platform);
      opened = undefined;
      await host();
    },
    start: async (spec, signal) => await start(await hostFor(await host(), spec), { ...spec, certificates: settings.certificates }, signal),
    attach: async (record) => await attach(await host(), record),
    async reclaim(record) {
      const { spec } = record;
      await endContainers(await host(), (labels) => labels[SANDBOX_LABEL] === spec.id);
      await rm(socketFolderOf(settings.runtimeFolder, spec.id), { recursive: true, force: true });
    },
    giveTo: async (folder) => await giveToAgent((await host()).agent, folder),
    removeStrays: async (sandboxes) => await endContainers(await host(), (labels) => !sandboxes.has(labels[SANDBOX_LABEL] ?? "")),
  };
}

async function start(host: DockerHost, spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox> {
  signal.throwIfAborted();
  if (spec.runner === false) return await withoutRunner(host, spec);
  const socketFolder = socketFolderOf(host.settings.runtimeFolder, spec.id);
  await prepareFolders(spec, socketFolder);
  await openFolders(host, spec, socketFolder);
  const nonce = newNonce();
  const socket = join(socketFolder, "s");
  const link = await RunnerLink.listen(socket, nonce);
  let live: LiveContainer | undefined;
  try {
    await chown(socket, host.agent.uid, host.agent.gid);
    await host.oomEvents.listen();
    const started = await startRunner(host, spec, socketFolder);
    live = started.live;
    const lastWords = new LastWords(started.streams);
    // The input ends with it: the runner reads one line.
    started.streams.end(`${nonce}\n`);
    const ended = live.exit.then((code) => notStarted(lastWords.text() || `it ended with exit code ${code} and without a word`));
    await waitForHello(link, ended, signal);
    const processes = live.first ? [live.first] : [];
    const sandbox = resident(host, { spec, kind: "docker", nonce, processes, container: { id: live.id } }, link, live, lastWords);
    sandbox.startAhead();
    return sandbox;
  } catch (error) {
    await live?.kill();
    await link.close(notStarted(String(error)));
    await rm(socketFolder, { recursive: true, force: true });
    throw error;
  }
}

/** Lets the agent's user into what it must see: where that is another one than the worker's, the folders are the worker's alone at first. */
async function openFolders(host: DockerHost, spec: SandboxSpec, socketFolder: string): Promise<void> {
  for (const folder of [spec.home, spec.spool]) await giveToAgent(host.agent, folder);
  await giveWorkspace(host, spec);
  // Nobody gets there but by a mount: the folders around are closed.
  for (const folder of [spec.control, socketFolder]) await chmod(folder, 0o755);
}

/** The folder alone: it may be shown above a base, and what is in it is theirs already, or will be given when it is made. */
async function giveWorkspace({ agent }: DockerHost, { workspace }: SandboxSpec): Promise<void> {
  await chown(workspace, agent.uid, agent.gid);
}

function startRunner(host: DockerHost, spec: SandboxSpec, socketFolder: string) {
  const { settings, backends } = host;
  const paths = ["--socket", `${INSIDE.run}/s`, "--lease", `${INSIDE.control}/lease.json`, "--spool", INSIDE.spool, "--compile-cache", COMPILE_CACHE];
  const warm = spec.warmFor === undefined ? [] : ["--warm-for", spec.warmFor, ...(spec.ahead ? ["--ahead"] : [])];
  return startContainer(host, {
    sandboxId: spec.id,
    part: "runner",
    // Among the arguments of init stands what tells the runner that it may end all that it sees.
    argv: ["sh", "-c", 'shift; exec "$@"', "slipway-init", spec.id, "node", "--disable-sigusr1", RUNNER, "serve", ...paths, "--own-namespace", ...warm],
    env: backends ? { SLIPWAY_BACKENDS: backends.folder } : {},
    network: "none",
    mounts: [
      ...specMounts(spec, backends?.paths ?? [], settings.maskPaths, !spec.workspaceReadOnly),
      ...runnerMounts(spec, { socketFolder, gatewayFolder: settings.gatewayFolder }),
    ],
  });
}

function insideOf(host: DockerHost, { certificates }: SandboxSpec, gatewayFolder: string | undefined): Sandbox["inside"] {
  const gateway = gatewayFolder === undefined ? undefined : gatewaySocketIn(INSIDE.gateway);
  const { workspace, home, control } = INSIDE;
  return { workspace, home, control, gateway, path: host.image.path, certificates: certificates && INSIDE.certificates };
}

async function withoutRunner(host: DockerHost, spec: SandboxSpec): Promise<Sandbox> {
  const commands = new CommandContainers(host, spec);
  const sandbox = await CommandSandbox.open({
    record: { spec, kind: "docker", nonce: newNonce(), processes: [] },
    inside: insideOf(host, spec, undefined),
    runOneShot: (command, signal) => commands.run(command, signal),
    expect: (shape) => commands.expect(shape),
    endExpected: () => commands.end(0),
  });
  await giveToAgent(host.agent, spec.home);
  await giveWorkspace(host, spec);
  return sandbox;
}

async function attach(found: DockerHost, record: SandboxRecord): Promise<Sandbox | undefined> {
  if (record.kind !== "docker" || record.container === undefined) return undefined;
  const live = await findContainer(found, record.container.id, record.spec.id);
  if (!live) return undefined;
  const host = await hostFor(found, record.spec);
  await host.oomEvents.listen();
  const socketFolder = socketFolderOf(host.settings.runtimeFolder, record.spec.id);
  const socket = join(socketFolder, "s");
  const link = await RunnerLink.listen(socket, record.nonce);
  await chown(socket, host.agent.uid, host.agent.gid);
  const sandbox = resident(host, record, link, live, undefined);
  if (await isReconnected(link).catch(() => false)) return sandbox;
  await sandbox.end();
  return undefined;
}

function resident(host: DockerHost, record: SandboxRecord, link: RunnerLink, live: LiveContainer, lastWords: LastWords | undefined): ResidentSandbox {
  const commands = new CommandContainers(host, record.spec);
  return new ResidentSandbox({
    record,
    inside: insideOf(host, record.spec, host.settings.gatewayFolder),
    link,
    lastWords: () => lastWords?.text() ?? "",
    socketFolder: socketFolderOf(host.settings.runtimeFolder, record.spec.id),
    socketsInside: INSIDE.run,
    socketsOwner: host.agent,
    group: containerGroup(host, live, { watched: false }),
    watch: (onGone) => watchExit(live, onGone),
    endProcesses: () => live.kill(),
    runOneShot: (command, signal) => commands.run(command, signal),
    expect: (shape) => commands.expect(shape),
    endExpected: (graceMs) => commands.end(graceMs),
  });
}

function watchExit(live: LiveContainer, onGone: () => void): Watch {
  let isWatched = true;
  void live.exit.then(() => {
    if (isWatched) onGone();
  });
  return {
    // The engine tells by itself.
    look: () => {},
    stop: () => {
      isWatched = false;
    },
  };
}

function notStarted(words: string): SlipwayError {
  return new SlipwayError("SANDBOX_UNAVAILABLE", `The runner could not be started in its container: ${words}`, {
    hint: "`slipway images doctor` tries the images one by one.",
  });
}
