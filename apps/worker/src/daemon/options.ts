import type { BrokenBackend, Manifest } from "@slipway/protocol/manifest";
import type { PortRange } from "@slipway/protocol/port-range";
import type { Outcome } from "@slipway/protocol/worker-api";
import type { Logger } from "pino";
import type { AttemptContext } from "../attempt/context.ts";
import type { SandboxLimits } from "../sandbox/limits/limits.ts";
import type { SandboxProvider } from "../sandbox/sandbox.ts";
import type { SecretSources } from "../secrets/backend-secrets.ts";
import type { WorkspaceSettings } from "../workspaces/workspaces.ts";

export interface DaemonOptions {
  readonly dataFolder: string;
  readonly url: string;
  readonly token: string;
  readonly name: string;
  readonly slots: number;
  readonly verifySlots: number;
  readonly provider: SandboxProvider;
  readonly manifests: readonly Manifest[];
  /** Backends that are installed here and cannot be loaded. */
  readonly brokenBackends?: readonly BrokenBackend[];
  /** Where the secrets of backends are; in the data folder alone where this is missing. */
  readonly secrets?: Omit<SecretSources, "manifests">;
  /** Socket of the model gateway that jobs here use; nobody asks after it where this is missing. */
  readonly gatewaySocket?: string;
  /** Host patterns: of these the egress proxy takes private addresses too; none where it is missing. */
  readonly egressPrivateHosts?: readonly string[];
  /** Those that hold here; none where they are missing. */
  readonly limits?: SandboxLimits;
  readonly toolchains: readonly string[];
  /** Of which each attempt gets some of its own; the default of installations where this is missing. */
  readonly ports?: PortRange;
  /** How workspaces are made; by checkouts of their own where this is missing. */
  readonly workspaces?: WorkspaceSettings;
  readonly runAttempt: (context: AttemptContext) => Promise<Outcome>;
  readonly version: string;
  readonly log: Logger;
  /** Ends the start, such as while the server is out of reach. */
  readonly signal: AbortSignal;
  readonly minFreeBytes?: number;
  /** Below this much memory that is available nothing new is claimed; MIN_FREE_MEMORY_BYTES where it is missing. */
  readonly minFreeMemoryBytes?: number;
  readonly spoolLimitBytes?: number;
  readonly renewMs?: number;
  readonly sweepMs?: number;
  /** How long the worker must have been idle before it packs and prunes its git stores, in ms. */
  readonly storesIdleMs?: number;
  /** How many sandboxes wait for jobs: at most, and at least when no job has come for `idleMs`. */
  readonly warm?: { readonly min?: number; readonly max?: number; readonly idleMs?: number };
}
