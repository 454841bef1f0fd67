import type { StoreKeeper } from "@slipway/git/store-keeper";
import type { Client } from "@slipway/protocol/client";
import type { Manifest } from "@slipway/protocol/manifest";
import type { Outcome } from "@slipway/protocol/worker-api";
import type { Logger } from "pino";
import type { AgentWatch } from "../daemon/agent-watch.ts";
import type { WorkerFolders } from "../daemon/folders.ts";
import type { Homes } from "../daemon/homes.ts";
import type { JobPortRanges } from "../daemon/job-ports.ts";
import type { Leases } from "../daemon/leases.ts";
import type { HomeSweeper } from "../daemon/sweep-homes.ts";
import type { WarmPool } from "../daemon/warm.ts";
import type { WarmMounts } from "../daemon/warm-mounts.ts";
import type { WorkerReporter } from "../daemon/worker-report.ts";
import type { SandboxProvider } from "../sandbox/sandbox.ts";
import type { BackendSecrets } from "../secrets/backend-secrets.ts";
import type { Workspaces } from "../workspaces/workspaces.ts";
import type { AttemptContext } from "./context.ts";
import type { SteerInbox } from "./steer-inbox.ts";

/** What the attempts of a worker share. */
export interface AttemptServices {
  readonly folders: WorkerFolders;
  readonly client: Client;
  readonly provider: SandboxProvider;
  readonly leases: Leases;
  readonly homes: Homes;
  /** Of `folders.repositories`. */
  readonly stores: StoreKeeper;
  readonly workspaces: Workspaces;
  readonly sweeper: HomeSweeper;
  readonly ports: JobPortRanges;
  readonly warm: WarmPool;
  readonly warmMounts: WarmMounts;
  readonly reporter: WorkerReporter;
  /** Missing where images bring the agents. */
  readonly agentWatch: AgentWatch | undefined;
  readonly toolchains: readonly string[];
  readonly secrets: BackendSecrets;
  /** Of the backends that this worker has. */
  readonly manifests: readonly Manifest[];
  /** Socket of the model gateway; undefined where none is known. */
  readonly gatewaySocket: string | undefined;
  /** Host patterns: of these the egress proxy takes private addresses too. */
  readonly egressPrivateHosts: readonly string[];
  readonly log: Logger;
  /** The pipeline. */
  readonly runAttempt: (context: AttemptContext) => Promise<Outcome>;
  /** Aborts when the worker stops now: attempts end, but are still reported. */
  readonly stop: AbortSignal;
  /** Aborts some seconds after `stop`: what could not be reported by then is left to the server's reaper. */
  readonly giveUp: AbortSignal;
  /** Attempts that run now, by `<job>-<fence>`, for the server's signals. */
  readonly running: Map<string, (reason: Error) => void>;
  /** Of the same attempts, where messages to their agents come in. */
  readonly inboxes: Map<string, SteerInbox>;
  readonly spoolLimitBytes?: number;
}
