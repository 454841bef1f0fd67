import type { BackendDefinition } from "@slipway/backend-sdk/backend";
import type { ErrorCode } from "@slipway/protocol/errors";

/** A real agent as the matrix plays it. What it cannot do is said here with a reason, and stands in the table of results. */
export interface AgentUnderTest {
  readonly backend: BackendDefinition;
  /** The file that exports it, and under which name: a process of its own plays some cases. */
  readonly module: string;
  readonly exportName: string;
  /** `backendConfig` of all cases. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** On top of it, settings with which it gives up soon on a model that is silent. */
  readonly impatient: Readonly<Record<string, unknown>>;
  /** Whether its `usage` events are what the model served; a word on why where they are not. */
  readonly usage: "exact" | { readonly not: string };
  /** Whether its session goes on after its process was killed; a word on why where it does not. */
  readonly survivesKill: true | { readonly not: string };
  /** Whether the commands of the model are kept from the attempt's token; a word on why where they are not. */
  readonly hidesToken: true | { readonly not: string };
  /** A word on why it cannot be started before its job is known, where it cannot. */
  readonly startsAhead?: { readonly not: string };
  /** A word on why the output of the model's commands is not in its events, where it is not. */
  readonly tellsOutput?: { readonly not: string };
  /** A word on why the arguments of its calls to MCP servers are not in its events, where they are not. */
  readonly tellsMcpInput?: { readonly not: string };
  /** A word on why it takes no images, where its backend does not say that it does. */
  readonly takesImages?: { readonly not: string };
  /** What it leaves in the folder for temporary files, which is the sandbox's own and goes with it. */
  readonly temporary?: RegExp;
  /** Settings that end a model that never stops by the agent's own count of steps; the job's time is what ends it where they are missing. */
  readonly bounded?: Readonly<Record<string, unknown>>;
  /** Codes that a failing model ends in, where they are others than those of `FAILURES`. */
  readonly codes?: Readonly<Record<string, readonly (ErrorCode | "done")[]>>;
  /** The command that its model must give to end a turn, where words alone do not end one. */
  readonly finish?: string;
  /** How much longer than Codex it takes for everything, its starts above all. */
  readonly slowness?: number;
}
