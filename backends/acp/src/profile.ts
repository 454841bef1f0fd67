import type { FailureWords } from "@slipway/backend-sdk/failure-code";
import type { ManifestInput } from "@slipway/protocol/manifest";
import type { z } from "zod";
import type { CommonSettings } from "./settings.ts";

/** What one agent is to this backend: data, and how its process is started. */
export interface Profile<Config extends z.ZodType<CommonSettings> = z.ZodType<CommonSettings>> {
  /** The backend's name. */
  readonly name: string;
  /** Of the profile. */
  readonly version: string;
  /** The agent's own name, for people. */
  readonly title: string;
  readonly summary: string;
  readonly config: Config;
  readonly capabilities: ManifestInput["capabilities"];
  /** The backend that drives the same agent without an adapter. */
  readonly adapterOf?: string;
  /** Its first group is the tool's name in the id of a call, for an agent that tells it nowhere else. */
  readonly toolName?: RegExp;
  /** The agent's own words for failures, beside those that all have. */
  readonly words?: FailureWords;
  /** Whether it loads much of itself with its first session: one that nobody uses is opened when it is started ahead. */
  readonly rehearses?: boolean;
  /** Says how a process of the agent is started, and writes what it reads. Rejects with a SlipwayError where that cannot be. */
  launch(given: LaunchInput<z.output<Config>>): Promise<Launch>;
}

/** What a launch is made from. */
export interface LaunchInput<Config> {
  readonly config: Config;
  readonly home: string;
  readonly workspace: string;
  /** The environment of the job. */
  readonly env: Readonly<Record<string, string>>;
  /** Where the models are reached, such as `http://127.0.0.1:40123`; each provider's API is below its name. */
  readonly modelUrl: string;
  /** Whether images come with the task: the model is told of as one that sees them. */
  readonly hasImages: boolean;
  /** What the agent shows in place of a vendor's key: never in an argument, nor in a file. */
  readonly key: string;
}

/** How a process of the agent is started. */
export interface Launch {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** What tells this process from another of the same arguments and environment: settings in a file that it reads. */
  readonly variant?: string;
  /** Session mode to set, in which the agent does not ask for leave. */
  readonly mode?: string;
  /** A name for its sessions, set with `session/set_title`: for an agent that asks a model for one else. */
  readonly sessionTitle?: string;
  /** Goes with the opening of a session, as `_meta`. */
  readonly sessionMeta?: Readonly<Record<string, unknown>>;
}
