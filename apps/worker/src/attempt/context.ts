import type { AppendableEvent } from "@slipway/protocol/events";
import type { Client } from "@slipway/protocol/client";
import type { Claim } from "@slipway/protocol/worker-api";
import type { Logger } from "pino";
import type { Sandbox, SandboxProvider } from "../sandbox/sandbox.ts";

/** All that the pipeline of one attempt needs; made by the daemon (`daemon/`), used by the verbs of the life cycle (`job/`). */
export interface AttemptContext {
  readonly claim: Claim;
  readonly paths: AttemptPaths;
  readonly client: Client;
  readonly provider: SandboxProvider;
  readonly journal: Journal;
  readonly events: EventSink;
  readonly log: Logger;
  /** Aborts with a SlipwayError as its reason: CANCELLED, LEASE_LOST or WORKER_STOPPED. */
  readonly signal: AbortSignal;
  /** A running sandbox for the agent: a warm one where it fits (same read-only mounts), else a fresh one. Attached again after a restart. */
  agentSandbox(readOnly: readonly string[]): Promise<Sandbox>;
  /** Extra host folders that gates and agents need read-only: toolchains found on PATH. */
  readonly toolchains: readonly string[];
}

/** Folders of an attempt under the worker's data folder. None but `workspace`, `home` and `spool` is ever mounted writable. */
export interface AttemptPaths {
  /** Everything of this attempt: `attempts/<job>-<fence>/`. */
  readonly root: string;
  readonly workspace: string;
  /** The job's kept home. */
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
 * its recorded result is read. A step's result is plain JSON.
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
  /** An event of the runner, with its ordinal there; one that is already spooled is skipped. */
  emitFromRunner(runnerOrdinal: number, at: number, event: AppendableEvent): Promise<void>;
  /** The last ordinal of the runner that is on disk; 0 where there is none. */
  readonly lastRunnerOrdinal: number;
  /** Raw bytes of a log stream; cut into chunks of at most LOG_CHUNK_LIMIT_BYTES or 20 ms, never inside a UTF-8 character where it can be helped. */
  log(stream: string, bytes: Uint8Array): void;
  /** Resolves when the server has acknowledged all of it. */
  flush(signal?: AbortSignal): Promise<void>;
}
