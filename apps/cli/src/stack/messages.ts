import type { ValueOrigin } from "@slipway/protocol/effective-config";
import type { ErrorCode } from "@slipway/protocol/errors";
import type { InstallationConfig } from "@slipway/protocol/installation-config";

/** What the command line and its supervisor process say to each other over IPC. */

export type PartName = "server" | "worker" | "integrator" | "gateway";

export interface StackOptions {
  readonly data: string;
  /** What holds after all that overrides slipway.yaml. */
  readonly settings: InstallationConfig;
  /** Where the server's values come from, for it to tell. */
  readonly origins: readonly ValueOrigin[];
  /** `["server"]` alone is enough to read. */
  readonly parts: readonly PartName[];
  /** Started when the others are up, which go on where one of these cannot start. */
  readonly later: readonly PartName[];
  /** Names of the environment variables that are for the gateway alone. */
  readonly modelKeys: readonly string[];
}

export interface StackFailure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Record<string, unknown>;
}

export type SupervisorReport =
  /** The server takes calls; the other parts may still be on their way. */
  | { readonly type: "listening"; readonly url: string }
  /** All parts are up; `pid` is the supervisor's. */
  | { readonly type: "ready"; readonly url: string; readonly pid: number }
  | { readonly type: "crashed"; readonly part: PartName; readonly how: string; readonly restartInMs: number }
  | { readonly type: "restarted"; readonly part: PartName }
  /** A part ended by itself with exit code 0, such as a drained worker; it is not started again. */
  | { readonly type: "ended"; readonly part: PartName }
  /** One of the parts that came later could not start. */
  | { readonly type: "unavailable"; readonly part: PartName; readonly failure: StackFailure }
  | { readonly type: "failed"; readonly failure: StackFailure }
  | { readonly type: "stopped" };

/** `stop`: at once. `release`: as soon as no job is at work, whether the command line still lives or not. */
export type SupervisorOrder = { readonly type: "stop" } | { readonly type: "release" };
