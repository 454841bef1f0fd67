import type { Duplex } from "node:stream";
import { type Docker, isGone, isOver } from "@slipway/images/engine/engine";
import type { ProcessMark } from "@slipway/process/process-table";
import { endMarked, markProcess } from "../processes.ts";
import { ask } from "./engine.ts";
import type { DockerHost } from "./host.ts";
import { PART_LABEL, SANDBOX_LABEL, WORKER_LABEL } from "./labels.ts";
import { INSIDE } from "./mounts.ts";
import { isContainers } from "./pid-check.ts";

const TMP_LIMIT_BYTES = 4 * 1_073_741_824;

export interface ContainerPlan {
  readonly sandboxId: string;
  readonly part: "runner" | "command";
  /** Program and arguments of the first process below init. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly network: "none" | "host";
  readonly mounts: readonly Docker.MountSettings[];
}

/** A container that runs. Its end, by itself or by `kill`, is the end of all in it; the engine then removes it. */
export class LiveContainer {
  readonly id: string;
  /** The first process, where the worker can see the engine's processes as its own; it ends all of them sooner than the engine does. */
  readonly first: ProcessMark | undefined;
  /** Resolves with the exit code of the first process, seen by the engine; 137 where the container was gone before that could be asked. Never rejects. */
  readonly exit: Promise<number>;
  readonly #container: Docker.Container;

  constructor(container: Docker.Container, pid: number) {
    this.#container = container;
    this.id = container.id;
    this.first = isContainers(pid, container.id) ? markProcess(pid) : undefined;
    this.exit = exitOf(container);
  }

  /** Kills everything inside and resolves when it is gone. */
  async kill(): Promise<void> {
    if (this.first) await endMarked([this.first]);
    await endContainer(this.#container);
    await this.exit;
  }
}

/** Makes a container with nothing that it does not need, and starts it. `attach`: with its standard streams, in the engine's framing. */
export async function startContainer(host: DockerHost, plan: ContainerPlan): Promise<{ live: LiveContainer; streams: Duplex }> {
  const container = await ask("a container cannot be made", host.engine.createContainer(options(host, plan)));
  try {
    const streams = (await ask(
      "a container's streams",
      container.attach({ stream: true, hijack: true, stdin: true, stdout: true, stderr: true }),
    )) as unknown as Duplex;
    // What breaks on it shows as the end of the container.
    streams.on("error", () => {});
    await ask("a container cannot be started", container.start());
    const { State } = await ask("a container that was started", container.inspect());
    return { live: new LiveContainer(container, State.Pid), streams };
  } catch (error) {
    await endContainer(container).catch(() => {});
    throw error;
  }
}

/** Takes up a container that runs and carries this worker's and this sandbox's label; undefined where there is none. */
export async function findContainer(host: DockerHost, id: string, sandboxId: string): Promise<LiveContainer | undefined> {
  const container = host.engine.getContainer(id);
  try {
    const { State, Config } = await ask("a container of an earlier worker", container.inspect());
    const isOurs = Config.Labels[SANDBOX_LABEL] === sandboxId && Config.Labels[WORKER_LABEL] === host.settings.workerLabel;
    return isOurs && State.Running ? new LiveContainer(container, State.Pid) : undefined;
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** Ends and removes the containers of this worker that `isMeant` says, by their labels. */
export async function endContainers(host: DockerHost, isMeant: (labels: Readonly<Record<string, string>>) => boolean): Promise<void> {
  const label = [`${WORKER_LABEL}=${host.settings.workerLabel}`];
  const all = await ask("the list of containers", host.engine.listContainers({ all: true, filters: { label } }));
  const ours = all.filter(({ Labels }) => Labels[WORKER_LABEL] === host.settings.workerLabel && isMeant(Labels));
  await Promise.all(ours.map(({ Id }) => endContainer(host.engine.getContainer(Id))));
}

/** Ends it, whatever state it is in, and resolves when nothing of it runs any more. One that is gone is no error. */
export async function endContainer(container: Docker.Container): Promise<void> {
  try {
    await ask("a container cannot be removed", container.remove({ force: true, v: true }));
  } catch (error) {
    if (!isOver(error)) throw error;
    // Somebody else is at it, the engine itself for one.
    await exitOf(container);
  }
}

async function exitOf(container: Docker.Container): Promise<number> {
  for (;;) {
    try {
      const { StatusCode } = (await container.wait()) as { StatusCode: number };
      return StatusCode;
    } catch (error) {
      if (isGone(error)) return 137;
      // An engine that starts anew has ended its containers, or still has them: asked again, it says which.
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}

function options(host: DockerHost, plan: ContainerPlan): Docker.ContainerCreateOptions {
  const { limits, workerLabel } = host.settings;
  const { uid, gid } = host.agent;
  const [program = "", ...args] = plan.argv;
  return {
    Image: host.image.imageId,
    Entrypoint: [program],
    Cmd: args,
    User: `${uid}:${gid}`,
    WorkingDir: INSIDE.workspace,
    Hostname: "slipway",
    Env: Object.entries({ PATH: host.image.path, HOME: INSIDE.home, LANG: "C.UTF-8", ...plan.env }).map(([name, value]) => `${name}=${value}`),
    Labels: { [WORKER_LABEL]: workerLabel, [SANDBOX_LABEL]: plan.sandboxId, [PART_LABEL]: plan.part },
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    // An image's own would start processes that nobody asked for.
    Healthcheck: { Test: ["NONE"] },
    HostConfig: {
      AutoRemove: true,
      Init: true,
      Privileged: false,
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges"],
      ReadonlyRootfs: true,
      NetworkMode: plan.network === "none" ? "none" : "bridge",
      IpcMode: "private",
      Mounts: [...plan.mounts],
      Tmpfs: { "/tmp": tmpfs(TMP_LIMIT_BYTES), "/var/tmp": tmpfs(TMP_LIMIT_BYTES), "/run": tmpfs(64 * 1_048_576) },
      // Everything that it says is read as it comes; nothing of it is to lie on the engine's disk.
      LogConfig: { Type: "none", Config: {} },
      ...(limits.memoryBytes === null ? {} : { Memory: limits.memoryBytes, MemorySwap: limits.memoryBytes }),
      ...(limits.processes === null ? {} : { PidsLimit: limits.processes }),
      ...(limits.cpus === null ? {} : { NanoCpus: Math.round(limits.cpus * 1e9) }),
      Ulimits: [{ Name: "core", Soft: 0, Hard: 0 }, ...(limits.fileBytes === null ? [] : [{ Name: "fsize", Soft: limits.fileBytes, Hard: limits.fileBytes }])],
    },
  };
}

function tmpfs(limitBytes: number): string {
  return `rw,exec,nosuid,nodev,mode=1777,size=${limitBytes}`;
}
