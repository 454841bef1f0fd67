import type { SetupLayerRequest, UsedSetupLayer } from "@slipway/git/bases/setup-layers";
import type { SharedBases } from "@slipway/git/workspace";
import type { Client } from "@slipway/protocol/client";
import type { AppendableEvent } from "@slipway/protocol/events";
import type { Manifest } from "@slipway/protocol/manifest";
import type { Claim } from "@slipway/protocol/worker-api";
import type { Logger } from "pino";
import type { JobPorts } from "../daemon/job-ports.ts";
import type { BackendImage, Sandbox, SandboxProvider } from "../sandbox/sandbox.ts";
import type { BackendSecrets } from "../secrets/backend-secrets.ts";
import type { Masks } from "../secrets/masks.ts";
import type { SteerInbox } from "./steer-inbox.ts";

/** `commands`: no turn will run, so a sandbox without a runner will do. */
export type SandboxNeeds = "turns" | "commands";

/** All that the pipeline of one attempt needs; made by the daemon (`daemon/`), used by the verbs of the life cycle (`job/`). */
export interface AttemptContext {
  readonly claim: Claim;
  /** What the job's backend says of itself; undefined where this worker does not have it, and for verify jobs. */
  readonly manifest: Manifest | undefined;
  /** The same of any backend: for those that judge the job's change. */
  manifestOf(backend: string): Manifest | undefined;
  /** Socket of the model gateway, for what the worker asks of models itself; undefined where it knows of none. */
  readonly gatewaySocket: string | undefined;
  readonly paths: AttemptPaths;
  /** What the workspace is made of; undefined for a checkout of its own. */
  readonly shared: SharedBases | undefined;
  /** What setups have made for this worker's jobs; the attempt's until its place is removed. */
  readonly setupLayers: AttemptSetupLayers;
  /** A clean place beside the attempt's own, for a step that nothing of the attempt may reach: removed with its disposal, or at the worker's next start. */
  sidePlace(): Promise<SidePlace>;
  readonly client: Client;
  /**
   * Starts further sandboxes, such as the fresh one for the commit. What it starts is written down before it is handed out, keeps its lease file
   * renewed as long as the attempt owns its lease, and is ended with the attempt at the latest; a caller ends it as soon as it can.
   */
  readonly provider: SandboxProvider;
  /** What the agent's sandbox is made from, where backends have images; undefined for verify jobs, which run in the provider's own. */
  readonly image: BackendImage | undefined;
  /** When this worker process took the attempt up, on the monotonic clock, in ms: at the claim's answer, or at its own start. */
  readonly takenUpAtMs: number;
  /** True where an earlier worker process began this attempt: what the journal has is done already. */
  readonly resumed: boolean;
  readonly journal: Journal;
  readonly events: EventSink;
  /** Of backends; their values go into a turn's request, and nowhere else. */
  readonly secrets: Pick<BackendSecrets, "read" | "find">;
  /** What must not be readable in anything that leaves the attempt: what its turns were given, and the attempt's own tokens. */
  readonly masks: Masks;
  readonly log: Logger;
  /** Where messages to the agent come in; missing where nobody can send any. */
  readonly inbox?: SteerInbox | undefined;
  /** Aborts with a SlipwayError as its reason: that of `lost`, or the failure with which the server ends an attempt whose agent can do nothing more. */
  readonly signal: AbortSignal;
  /** Aborts where nothing of the attempt counts any more: CANCELLED, LEASE_LOST or WORKER_STOPPED. Until then its work can be kept, also after a failure. */
  readonly lost: AbortSignal;
  /**
   * The running sandbox for the agent, over `paths.workspace`, `paths.home`, `paths.spool` and `paths.control`: a warm one where its read-only mounts
   * are these, else a fresh one; the folders are the same either way and are known before, so the workspace can be prepared first (into
   * `paths.workspace` itself: that folder is mounted already and must not be replaced). A second call gives the same sandbox, after its `end()` a
   * fresh one over the same folders, the spool emptied. After a restart the running one is attached again; where it is gone, a fresh one comes, to be
   * told by its `record.nonce`: a turn that was begun in the other must not be begun again. Without a runner nothing has to start: it can `run` only.
   */
  agentSandbox(readOnly: readonly string[], needs?: SandboxNeeds): Promise<Sandbox>;
  /** Extra host folders that gates and agents need read-only: toolchains found on PATH. */
  readonly toolchains: readonly string[];
  /** Whether `paths.home` is the job's kept one, with the session of an earlier attempt on this worker. */
  readonly keptHome: boolean;
  /** Ports on the host's network that no other job has. */
  readonly ports: Pick<JobPorts, "turnBase" | "commandBase">;
  /** Host patterns: of these the egress proxy takes private addresses too. */
  readonly egressPrivateHosts: readonly string[];
}

/** The worker's setup layers as one attempt uses them. */
export interface AttemptSetupLayers {
  find(keys: readonly string[]): UsedSetupLayer | undefined;
  use(request: SetupLayerRequest, signal: AbortSignal): Promise<UsedSetupLayer>;
  addKey(id: string, key: string): Promise<void>;
}

/** Empty folders for a sandbox, and what starts one there under the attempt's lease. */
export interface SidePlace extends AsyncDisposable {
  readonly place: Pick<AttemptPaths, "workspace" | "home" | "spool" | "control">;
  readonly shared: SharedBases | undefined;
  readonly provider: SandboxProvider;
}

/**
 * Folders of an attempt under the worker's data folder. None but `workspace`, `home` and `spool` is ever mounted writable. `workspace`, `spool`,
 * `control` and mostly `home` lie in the sandbox's own place (`sandboxes/<id>/`), reserved at the claim: a warm sandbox has mounted them before the
 * job was known. They exist and are empty when the pipeline begins (`home`: unless it is the job's kept one). The daemon removes all of them.
 */
export interface AttemptPaths {
  /** Everything of this attempt: `attempts/<job>-<fence>/`. */
  readonly root: string;
  readonly workspace: string;
  /** The job's home: the kept one (`homes/<job>`) of an earlier attempt on this worker, else a fresh one that is moved there at the end. */
  readonly home: string;
  readonly spool: string;
  readonly control: string;
  /** For private things of the pipeline: indexes, packs, quarantine. */
  readonly work: string;
  /** The worker's own git stores of the repository, shared by attempts: `repositories/<repo id>/`. */
  readonly repository: string;
}

/**
 * What the attempt has already done, on disk. A restarted worker runs the same pipeline again: a step that is in the journal is not done again,
 * its recorded result is read. A step's result is plain JSON. It outlives the process and not a power cut, after which nobody resumes an attempt.
 */
export interface Journal {
  step<T>(key: string, work: () => Promise<T>): Promise<T>;
  /** True where the step is already recorded. */
  has(key: string): boolean;
}

/** Where the attempt's events go: spooled on disk, then to the server in acknowledged batches. */
export interface EventSink {
  /** Resolves when the event is on disk. */
  emit(event: AppendableEvent): Promise<void>;
  /**
   * An event that the attempt tells of once, whichever process is killed when: the key is a part of the event's line on disk, and where that is there
   * already nothing is written. Keys are unique in the attempt.
   */
  emitOnce(key: string, event: AppendableEvent): Promise<void>;
  /** True where an event with this key is on disk or on its way there. */
  has(key: string): boolean;
  /** An event of the runner, with its ordinal there; one that is already spooled is skipped. */
  emitFromRunner(runnerOrdinal: number, at: number, event: AppendableEvent): Promise<void>;
  /** The last ordinal of the runner that is on disk; 0 where there is none. */
  readonly lastRunnerOrdinal: number;
  /** Raw bytes of a log stream; cut into chunks of at most LOG_CHUNK_LIMIT_BYTES or 20 ms, never inside a UTF-8 character where it can be helped. */
  log(stream: string, bytes: Uint8Array): void;
  /** Resolves when all bytes of the stream are on disk: before a command counts as done, so that a kill takes nothing of its output away. */
  settleLog(stream: string): Promise<void>;
  /** Resolves when the server has acknowledged all of it. */
  flush(signal?: AbortSignal): Promise<void>;
}
