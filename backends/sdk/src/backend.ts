import type { AgentEvent } from "@slipway/protocol/events";
import type { JobImageType } from "@slipway/protocol/job-images";
import type { ManifestInput, ProbeResult } from "@slipway/protocol/manifest";
import type { TurnResult } from "@slipway/protocol/runner-protocol";
import type { PermissionPolicy } from "@slipway/protocol/turn-settings";
import type { z } from "zod";

/** The contract for a backend. See `docs/backends.md` for how to write one. */
export interface BackendDefinition<Config extends z.ZodType = z.ZodType> {
  readonly name: string;
  readonly version: string;
  /** One sentence for people. */
  readonly summary: string;
  /** Set by `defineBackend`: the contract that the SDK was of. */
  readonly contractVersion?: number;
  /** True to what it does: a job that asks for more is refused when it is submitted. What is left out is false, or none. */
  readonly capabilities: ManifestInput["capabilities"];
  /** Schema of `backendConfig`; its JSON Schema goes into the manifest. */
  readonly config: Config;
  /** Secrets by name; their values come in `TurnContext.secrets` and are masked in everything that leaves the runner. */
  readonly secrets: ManifestInput["secrets"];
  readonly image?: ManifestInput["image"];
  /** The agent's program: what is pinned, and what was tested. */
  readonly release?: ManifestInput["release"];
  /** The setting by which a job names the agent's program itself, where there is one: what `probe` says of the usual one does not hold for such a job. */
  readonly programSetting?: ManifestInput["programSetting"];
  /** Of an adapter, the backend that drives the same agent by itself: `auto` takes that one first where nothing else tells them apart. */
  readonly adapterOf?: ManifestInput["adapterOf"];
  /**
   * Is everything there that a turn needs? For people, who read it in `slipway doctor`, and for workers, which take no jobs of a backend whose agent is not
   * there. Asked again and again, so it should cost little and change nothing. Never throws.
   */
  probe(context: ProbeContext): Promise<Omit<ProbeResult, "backend">>;
  /**
   * Called once in a warm sandbox before the job is known, to make the first turn fast, such as by a first start of the agent. A rejection stops no job:
   * doctor shows its message. Does nothing where the agent is not installed; has no way to a model.
   */
  warmUp?(context: ProbeContext): Promise<void>;
  /**
   * Called once in a warm sandbox, after `warmUp`, with what the next turn will most likely have: starts the agent as far as it goes with no prompt and with a
   * workspace that is empty still, and is mounted later. The first turn takes what it finds, where that fits. A rejection stops no job; doctor shows its
   * message. Does nothing where the agent is not installed; has no way to a model.
   */
  startAhead?(context: AheadContext<z.output<Config>>): Promise<void>;
  /** One turn, from prompt to final answer. Ends when the agent's own final event says so. Throws only for what nobody can plan for. */
  turn(context: TurnContext<z.output<Config>>): Promise<TurnResult>;
}

/** What a probe or a warm-up has: the home that turns will have, the whole environment for what it starts, and the signal that ends it. */
export interface ProbeContext {
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** What `startAhead` has: the settings, folders and environment of a turn that may come. The environment lacks `JOB_VARIABLES`: `aheadEnvironment` makes up for them. */
export interface AheadContext<Config = unknown> extends Pick<TurnContext<Config>, "config" | "workspace" | "home" | "env" | "permissions"> {
  /** Where `TurnContext.model` will be, such as `http://127.0.0.1:40123`; it leads nowhere before there is a turn. Missing where nobody knows. */
  readonly modelUrl?: string | undefined;
  /** Aborts with the first turn, which takes the agent as far as it is, and after a minute. */
  readonly signal: AbortSignal;
}

/**
 * The gateway as an agent reaches it. It speaks each vendor's own protocol under `<baseUrl>/<provider>/v1`, adds the real key, counts, and keeps to the job's
 * budget.
 */
export interface ModelAccess {
  /** Such as `http://127.0.0.1:40123`: a port of this sandbox alone. */
  readonly baseUrl: string;
  /** In place of a vendor's key; good for this attempt only, and masked in everything that leaves the runner. */
  readonly token: string;
}

/** An MCP server of the job, for an agent that has the capability `mcp`. Values may be secrets: they are masked in all output, and belong into no argument and no file. */
export type McpServer =
  | {
      readonly name: string;
      readonly kind: "stdio";
      readonly command: string;
      readonly args: readonly string[];
      readonly env: Readonly<Record<string, string>>;
    }
  | { readonly name: string; readonly kind: "http"; readonly url: string; readonly headers: Readonly<Record<string, string>> };

/** An image of the job, for an agent that has the capability `images`. */
export interface TurnImage {
  /** A file that the agent can read and not change, outside of workspace and home; the ending of its name is that of its type. */
  readonly path: string;
  /** Told by its content. */
  readonly type: JobImageType;
  /** As the submitter calls it; the prompt names it so. */
  readonly name: string;
}

/** All that one turn has. The runner keeps its time and masks the secrets in whatever is emitted or logged. */
export interface TurnContext<Config = unknown> {
  readonly prompt: string;
  /** 1 for the first turn of the attempt; repairs and revisions count up. */
  readonly turn: number;
  readonly config: Config;
  readonly workspace: string;
  /** Kept for the job until it is final: the place for sessions. */
  readonly home: string;
  /** The whole environment of the agent. Of ports it may listen on `SLIPWAY_PORT_COUNT`, from `SLIPWAY_PORT_BASE` on: others may be another job's. */
  readonly env: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
  /** The way to the models, where `capabilities.model` says that the backend needs one. */
  readonly model?: ModelAccess;
  /** The policy for what the agent asks leave for: `answerPermission` answers by it. `allow` where it is missing. */
  readonly permissions?: PermissionPolicy;
  /** The agent is to change nothing in the workspace, which it mostly cannot either; never set without `capabilities.readOnly`. False where it is missing. */
  readonly readOnly?: boolean;
  /**
   * The job's images, in order, none where it is missing; never set without `capabilities.images`. They belong to the prompt that a conversation begins with: give them with
   * the first turn, and again only where a later one has to begin a new conversation. `readImages` reads them.
   */
  readonly images?: readonly TurnImage[];
  /** The job's MCP servers, none where it is missing; never set without `capabilities.mcp`. */
  readonly mcpServers?: readonly McpServer[];
  /**
   * Messages that people send to the agent in the middle of the turn, for a backend with `capabilities.steer`; ends with the turn. Take one when the agent can have it: what was
   * taken counts as given, and shows in the job's events.
   */
  readonly steering?: AsyncIterable<string>;
  /** Aborts when the turn is cancelled or out of time: end the agent and return. */
  readonly signal: AbortSignal;
  /** Emits one event. */
  emit(event: AgentEvent): void;
  /** Feeds raw output into the log; the runner cuts it into chunks. */
  log(stream: string, bytes: Uint8Array): void;
}
