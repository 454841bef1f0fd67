import { z } from "zod";
import { agentEventSchema, turnResourcesSchema } from "./events.ts";
import { failureSchema } from "./job.ts";
import { JOB_IMAGE_TYPES } from "./job-images.ts";
import { nameSchema, timeSchema } from "./scalars.ts";
import { mcpServersSchema, PERMISSION_POLICIES } from "./turn-settings.ts";

/**
 * Worker and runner talk over a unix socket that the worker makes and listens on; the runner connects, and connects again when the worker was
 * restarted. One JSON message a line, at most RUNNER_MESSAGE_LIMIT_BYTES. Order: the runner says `hello`; the worker answers `welcome` with the
 * last event that it has, and the runner sends what follows. Every operation has an id and is idempotent: a `turn` with a known id starts
 * nothing and is answered with the result once there is one. What comes from a runner is untrusted input.
 */
export const RUNNER_PROTOCOL_VERSION = 1;
/** The longest line in either direction, in bytes. */
export const RUNNER_MESSAGE_LIMIT_BYTES = 1_048_576;

/** All that a runner needs for one turn; the paths are those inside the sandbox. */
export const turnRequestSchema = z.object({
  type: z.literal("turn"),
  /** Unique in the attempt; the same id never starts twice. */
  turnId: z.string().max(100),
  /** 1 for the first turn of the attempt. */
  turn: z.int().positive(),
  backend: nameSchema,
  config: z.record(z.string(), z.unknown()),
  prompt: z.string(),
  workspace: z.string(),
  home: z.string(),
  /** Environment for the agent, all of it. */
  env: z.record(z.string(), z.string()),
  /** Values by name; masked in everything that the runner sends. */
  secrets: z.record(z.string(), z.string()),
  /** The way to the models, for backends that need one: the gateway's socket as the sandbox sees it, and the attempt's token, which is masked too. */
  gateway: z.object({ socket: z.string(), token: z.string() }).optional(),
  /** The policy for what the agent asks leave for; `allow` where it is missing. */
  permissions: z.enum(PERMISSION_POLICIES).optional(),
  /** The job's MCP servers; the values of the secrets that they name are in `secrets`. */
  mcpServers: mcpServersSchema.optional(),
  /** The agent is to change nothing in the workspace. */
  readOnly: z.boolean().optional(),
  /** The job's images, as files that the inside can read. They are named in every turn: only the backend knows where a conversation begins. */
  images: z.array(z.object({ path: z.string(), type: z.enum(JOB_IMAGE_TYPES), name: z.string() })).optional(),
  /** Where the agent may reach some hosts: the egress proxy's socket as the sandbox sees it. */
  egress: z.object({ socket: z.string() }).optional(),
  /** The runner ends the turn with AGENT_TIMEOUT after this many ms. */
  timeoutMs: z.int().positive(),
  /** The runner ends the turn with AGENT_STALLED after this many ms without an event, traffic to models, or processor time of what the agent started. */
  stallMs: z.int().positive(),
});
export type TurnRequest = z.infer<typeof turnRequestSchema>;

/** What the next turn will most likely have, sent once and before any turn: the backend may start its agent with it. */
export const aheadRequestSchema = turnRequestSchema
  .pick({ backend: true, config: true, workspace: true, home: true, permissions: true })
  // Without what is the job's own, such as its id.
  .extend({ type: z.literal("ahead"), env: turnRequestSchema.shape.env });
export type AheadRequest = z.infer<typeof aheadRequestSchema>;

/** Messages of the worker. `welcome` and `ack` name the newest event that the worker has kept; `stop` ends the runner. */
export const workerToRunnerSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("welcome"), afterOrdinal: z.int().nonnegative() }),
  aheadRequestSchema,
  turnRequestSchema,
  z.object({ type: z.literal("cancel"), turnId: z.string() }),
  /** A message to the agent of this turn; of another one it is dropped, and the same id is taken once. */
  z.object({ type: z.literal("steer"), turnId: z.string(), messageId: z.string(), text: z.string() }),
  z.object({ type: z.literal("ack"), ordinal: z.int().nonnegative() }),
  z.object({ type: z.literal("ping"), n: z.int() }),
  z.object({ type: z.literal("stop") }),
]);
export type WorkerToRunner = z.infer<typeof workerToRunnerSchema>;

/** The runner's to say; of a backend it is not taken. */
const counted = { resources: turnResourcesSchema.optional() };
/** How a turn ended: with the agent's last words, or with a failure. */
export const turnResultSchema = z.discriminatedUnion("status", [
  z.object({ status: z.literal("done"), finalText: z.string().max(262_144), ...counted }),
  z.object({ status: z.literal("failed"), failure: failureSchema, ...counted }),
]);
export type TurnResult = z.infer<typeof turnResultSchema>;

/** Messages of the runner. Events are numbered from 1 over all turns of the runner, without gaps. */
export const runnerToWorkerSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("hello"),
    protocol: z.literal(RUNNER_PROTOCOL_VERSION),
    /** Given to the runner on standard input when it was started; proves that it is the one. */
    nonce: z.string(),
    lastOrdinal: z.int().nonnegative(),
    turnId: z.string().nullable(),
  }),
  z.object({ type: z.literal("event"), ordinal: z.int().positive(), at: timeSchema, event: agentEventSchema }),
  z.object({ type: z.literal("result"), turnId: z.string(), result: turnResultSchema }),
  z.object({ type: z.literal("pong"), n: z.int() }),
  /** Once, when all backends have been warmed up, unless a turn came first: which could not be, and why. */
  z.object({ type: z.literal("warmed"), failures: z.array(z.object({ backend: nameSchema, reason: z.string().max(500) })).max(100) }),
]);
export type RunnerToWorker = z.infer<typeof runnerToWorkerSchema>;

/** The lease file that the worker writes and the runner reads: the dead-man's switch. */
export const leaseFileSchema = z.object({
  /** On CLOCK_MONOTONIC, in ms (`performance`-independent: `process.hrtime.bigint() / 1e6`): when the runner ends its namespace. */
  deadlineMonotonicMs: z.number(),
});
