import type { AgentEvent } from "@slipway/protocol/events";
import type { ProbeResult } from "@slipway/protocol/manifest";
import type { AheadRequest, TurnRequest, TurnResult } from "@slipway/protocol/runner-protocol";
import type { SandboxKind } from "@slipway/protocol/sandbox-kind";
import type { SteerMessage } from "../attempt/steer-inbox.ts";

/**
 * A sandbox: the place where the code of one attempt runs, and nothing else does. `bwrap/` and `docker/` make real ones, `none/` runs on the bare host
 * where a person has asked for that. What is inside is untrusted; every answer from there is checked.
 */
export interface SandboxProvider {
  readonly kind: SandboxKind;
  /** What the inside finds in place of this machine's own system; undefined where it is that system, and before `probe` has told. */
  readonly image?: SandboxImage | undefined;
  /** Where jobs of different backends may have images of their own; `image` is then that of all that belongs to no backend. Missing before `probe` has told. */
  readonly images?: BackendImages | undefined;
  /** The machine's own agents, which such sandboxes have; missing where images bring them. */
  readonly hostAgents?: HostAgents | undefined;
  /** Who the inside is to the host, where that is another user than the worker's: workspaces belong to them from the start. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
  /** Tries the sandbox for real. SANDBOX_UNAVAILABLE, with the reason, where it does not hold. */
  probe(): Promise<void>;
  /** Starts the sandbox and, unless the spec wants none, its resident runner. SANDBOX_UNAVAILABLE where it cannot be set up as asked. */
  start(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox>;
  /** Takes up a sandbox that an earlier worker process started, by its record; undefined where it is gone. */
  attach(record: SandboxRecord): Promise<Sandbox | undefined>;
  /** Ends what a record names, if it is still there: pid and start time must both fit. */
  reclaim(record: SandboxRecord): Promise<void>;
  /**
   * Makes the inside's user the owner of a folder that the worker has filled, and of all in it; nothing to do where that is the worker's own user. Follows
   * no link. Only for folders that no agent has had in its hands yet: what somebody can write meanwhile must not be walked.
   */
  giveTo?(folder: string): Promise<void>;
  /** Ends what carries this worker's label and is none of these sandboxes: what a killed worker started and did not write down. */
  removeStrays?(known: ReadonlySet<string>): Promise<void>;
}

/** The system that a sandbox has in place of the machine's own. */
export interface SandboxImage extends NamedImage {
  /** `sha256:` and 64 hexadecimal digits: the content of the image and how it is run. */
  readonly id: string;
  /** PATH inside. */
  readonly path: string;
}

/** An image that some sandboxes are made from. */
export interface NamedImage {
  /** As a person names it, such as `slipway/codex:0.1.0`. */
  readonly name: string;
  /** The engine's own id of it, which a container is made from: a name may mean another image tomorrow. */
  readonly imageId: string;
}

/** What jobs run in, by their backends. All of them carry the runner of this installation. */
export interface BackendImages {
  /** As of the last look; the provider's own image for a backend that was not looked for. */
  of(backend: string): BackendImage;
  /** Looks again what images there are for these backends. SANDBOX_UNAVAILABLE where the engine does not say. */
  refresh(backends: readonly string[]): Promise<void>;
  /** What the backends' probes say inside of this image, asked once for each image. SANDBOX_UNAVAILABLE where it does not answer. */
  agentsIn(imageId: string): Promise<readonly ProbeResult[]>;
}

/** The agents of the machine, as turns find them. */
export interface HostAgents {
  /** PATH on which turns look for them. */
  readonly path: string;
  /** The folder on it where `slipway backends install` puts links to programs; undefined where there is none. */
  readonly installs: string | undefined;
  /**
   * Has the probes of these backends asked inside of a sandbox with these folders, one after another and at low priority; each answer comes as soon as it is
   * there, and one whose probe hangs has none. SANDBOX_UNAVAILABLE; rejects with the signal's reason.
   */
  ask(spec: SandboxSpec, backends: readonly string[], onAnswer: (result: ProbeResult) => void, signal: AbortSignal): Promise<void>;
}

/** The image of one backend. */
export interface BackendImage extends NamedImage {
  /** Images that would have come first, and why they cannot be used, in words for people. */
  readonly passedOver: readonly string[];
}

export interface SandboxSpec {
  /** Unique id, also the ownership label. */
  readonly id: string;
  /** Empty folder that will hold the workspace; `/workspace` inside. */
  readonly workspace: string;
  /** `/home/agent` inside. */
  readonly home: string;
  /** Written by the runner: its event spool; `/spool` inside. */
  readonly spool: string;
  /**
   * Written by the worker, read-only inside at `/control`: the lease file (`leaseFileIn(control)`) and, below `run/`, the socket; below `gateway/` a
   * runner has the folder of the model gateway's socket, and below `images/` lie the job's images. `start` writes a
   * first lease of FIRST_LEASE_MS where there is none, so that a sandbox whose worker dies at once does not live for ever.
   */
  readonly control: string;
  /** Host paths mounted read-only at the same path: the objects of the repository, and toolchains where the sandbox brings none of its own. */
  readonly readOnly: readonly string[];
  /**
   * Folder of certificates (`writeCertificates`), read-only at CERTIFICATES_INSIDE. The provider's own setting, kept with the spec: a sandbox that an earlier
   * worker process started has what it was started with.
   */
  readonly certificates?: string | undefined;
  /** Id of the image, by `BackendImages`; the provider's own where it is missing. */
  readonly image?: string | undefined;
  /** The backend whose turn will most likely come: the runner warms up that one alone, and all where it is missing. */
  readonly warmFor?: string | undefined;
  /** What that turn will most likely have: its agent is started with it. Only for a sandbox that has namespaces of its own. */
  readonly ahead?: AheadSettings | undefined;
  /** The runner and what it starts may look at the workspace and not change it. It must be made before: what is mounted there later would be writable. */
  readonly workspaceReadOnly?: boolean | undefined;
  /** `false`: no resident runner, only commands. Such a sandbox is there at once, has no process of its own, and cannot be attached again. */
  readonly runner?: boolean | undefined;
}

/** Settings of the last job of a backend. */
export type AheadSettings = Pick<AheadRequest, "config" | "permissions">;

/** What must survive a killed worker, kept on disk. */
export interface SandboxRecord {
  readonly spec: SandboxSpec;
  readonly kind: SandboxKind;
  readonly nonce: string;
  /**
   * Processes that end the sandbox when killed, each with its start time (field 22 of /proc/PID/stat) so that a reused pid is never hit. Empty where it
   * has none of its own, and while it is being started: then it cannot be attached, and `reclaim` finds by the label what was started.
   */
  readonly processes: ReadonlyArray<{ readonly pid: number; readonly startTime: string }>;
  /** The container of a sandbox that is one; its label must be the spec's id, so that another's is never hit. */
  readonly container?: { readonly id: string } | undefined;
}

export interface Sandbox extends AsyncDisposable {
  readonly record: SandboxRecord;
  /** Paths as the inside sees them. */
  readonly inside: {
    readonly workspace: string;
    readonly home: string;
    /** The socket of the model gateway, whether or not one listens there now; undefined for one-shots alone, and where the settings name none. */
    readonly gateway: string | undefined;
    /** The spec's control folder, as a runner and its turns see it; commands do not. */
    readonly control: string;
    /** PATH. */
    readonly path: string;
    /** PATH of a turn, where that is another: with the agents that were installed for this worker. */
    readonly agentPath?: string | undefined;
    /** The folder of certificates; undefined where there is none. */
    readonly certificates?: string | undefined;
  };
  /** The folder of a resident sandbox's sockets, which only the host side writes; undefined without a runner, and where the host's network is there anyway. */
  readonly sockets?: Sockets | undefined;
  /**
   * Runs a turn, or takes up one that is already running or ended under the same id. Events come in order, each ordinal once, starting after
   * `afterOrdinal`; an event is acknowledged to the runner when `onEvent` has resolved. RUNNER_LOST where the runner ends first.
   */
  turn(request: TurnRequest, options: TurnOptions): Promise<TurnResult>;
  /** Sends a message to the agent of this turn; false where it does not run, or its runner is away. Missing where there is no resident runner. */
  steer?(turnId: string, message: SteerMessage): boolean;
  /**
   * Runs one shell command in the workspace, in a PID namespace of its own that ends with it, its exit seen from outside. Output is capped:
   * beyond `outputLimitBytes` it is counted, neither kept nor passed to `onOutput`. Independent of the runner, so it works after `end()` too;
   * `end()` ends the ones that are running. SANDBOX_UNAVAILABLE where the command could not be started in the sandbox.
   */
  run(command: SandboxCommand, signal: AbortSignal): Promise<CommandResult>;
  /**
   * Resolves when the resident runner has warmed up its backends, with those that could not be. Never resolves where a turn came first, or the runner
   * ended; missing where there is none, and where it was taken up again.
   */
  readonly warmedUp?: Promise<readonly WarmUpFailure[]> | undefined;
  /** Whether the resident runner answers within this time; missing where there is none. */
  ping?(limitMs: number): Promise<boolean>;
  /** A command with this network and these mounts will soon be run: what takes time to start is started ahead. Costs nothing where nothing does. */
  expect?(shape: Pick<SandboxCommand, "network" | "mounts">): void;
  /**
   * What the kernel's out-of-memory killer did to the resident part of this sandbox since it started, or was attached; null where it did nothing, or
   * where the machine does not say. One call reads one small file. Still answers after `end()`. A command has its own, in its result.
   */
  memoryEvidence(): MemoryEvidence | null;
  /** How often the resident part of this sandbox was refused a process at its limit; like `memoryEvidence`, and missing where nothing tells. */
  processEvidence?(): ProcessEvidence | null;
  /**
   * Ends everything inside within a second, detached children too; ending twice is no error. `turn` is over then, but `run` still works: it makes
   * one-shots on the same spec, and the commit is made in one after the end, when nothing of the agent is alive.
   */
  end(): Promise<void>;
}

/** A backend that could not be warmed up: its first turn is slower, or says what is wrong. */
export interface WarmUpFailure {
  readonly backend: string;
  /** In the words of the backend. */
  readonly reason: string;
}

/** `owner`: who must be able to use a socket there, where that is not the worker's own user. */
export interface Sockets {
  readonly host: string;
  readonly inside: string;
  readonly owner?: SandboxProvider["owner"];
}

export interface TurnOptions {
  /** The last event of the runner that is already known; 0 where there is none. */
  readonly afterOrdinal: number;
  readonly onEvent: (ordinal: number, at: number, event: AgentEvent) => Promise<void>;
  /** Cancels the turn in the runner; `turn` then rejects with the signal's reason, after half a second at the latest. */
  readonly signal: AbortSignal;
}

export interface SandboxCommand {
  /** argv; `["sh", "-c", text]` for a shell command. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly network: "none" | "host";
  /** With `network: "none"`: a proxy that is the command's only way out, and that the usual variables name. Without a sandbox the host's network stays. */
  readonly egress?: Egress | undefined;
  readonly timeoutMs: number;
  readonly outputLimitBytes: number;
  /** More folders: host path → path inside, read-only or writable. */
  readonly mounts?: ReadonlyArray<{ readonly host: string; readonly inside: string; readonly writable: boolean }>;
  readonly onOutput?: (stream: "stdout" | "stderr", bytes: Buffer) => void;
  /**
   * The command begins when this has resolved, and its sandbox may be made meanwhile, which counts for `timeoutMs`. Where it rejects the command never
   * begins, and `run` rejects with the same.
   */
  readonly after?: Promise<unknown>;
}

/** A way out of a sandbox. */
export interface Egress {
  /** Opens a proxy on a unix socket that is not there yet; nobody is served any more after its disposal. */
  listen(socketPath: string): Promise<AsyncDisposable>;
}

export interface CommandResult {
  /** Exit code; 128 + signal number where a signal ended it; null where the time-out did. */
  readonly exitCode: number | null;
  readonly timedOut: boolean;
  /** What was written, in the order of arrival, both streams, up to the limit. */
  readonly output: Buffer;
  readonly droppedBytes: number;
  readonly durationMs: number;
  /** What the out-of-memory killer did while the command ran; null where it did nothing, or where the machine does not say. */
  readonly memory: MemoryEvidence | null;
  /** How often the command was refused a process; missing where nothing tells. */
  readonly processes?: ProcessEvidence | null;
}

/** Processes and threads that were not started, because the sandbox had as many as it may. */
export interface ProcessEvidence {
  /** At least 1. */
  readonly refused: number;
  readonly limit: number | null;
}

/** Processes that the kernel killed for want of memory. */
export interface MemoryEvidence {
  /** At least 1. */
  readonly kills: number;
  /**
   * Whose they were. `sandbox`: of this sandbox, counted by its own control group, so a failure at that time has this cause. `machine`: of anybody on
   * the machine, where no group counts: a hint, which explains the end of a process only where that was a SIGKILL (exit code 137, a lost runner).
   */
  readonly of: "sandbox" | "machine";
  /** The sandbox's own limit, in bytes; null where it has none, and the machine itself was full. */
  readonly limitBytes: number | null;
}

/** Writes the lease file of a sandbox: the runner ends its namespace at the deadline unless it is moved. */
export interface LeaseFile {
  /** Path on the host. */
  readonly path: string;
}
