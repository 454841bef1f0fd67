import { z } from "zod";
import { criticEventSchema } from "./critic.ts";
import { EGRESS_PHASES } from "./egress.ts";
import { ERROR_CODES } from "./errors.ts";
import { promptUsedSchema } from "./prompts.ts";
import { ROUTE_CAUSES, routeCandidateSchema } from "./routing.ts";
import { SANDBOX_KINDS } from "./sandbox-kind.ts";
import { fenceSchema, idSchema, nameSchema, timeSchema } from "./scalars.ts";
import { JOB_STATES } from "./states.ts";
import { PERMISSION_KINDS, PERMISSION_POLICIES } from "./turn-settings.ts";

/** What happens in a job, as its subscribers see it. The server numbers the events of a job 1, 2, 3 … without gaps and stores each before it sends it. */

/** A log event is one chunk: at most 16 KiB of one stream, or what came within 20 ms. */
export const LOG_CHUNK_LIMIT_BYTES = 16_384;
/** How long output is collected before it becomes a chunk, in ms. */
export const LOG_CHUNK_INTERVAL_MS = 20;

/** How a model call ended. `ok`: answered whole. `failed`: refused, or broken on the way. `cut`: broken off by the agent, or with its attempt. */
export const MODEL_CALL_OUTCOMES = ["ok", "failed", "cut"] as const;
export type ModelCallOutcome = (typeof MODEL_CALL_OUTCOMES)[number];

/**
 * The parts of a job's way, in their order; `merge`, `verify` and `land` are the integrator's. A part may come more than once, with a repair or another
 * attempt.
 */
export const PHASES = ["prepare", "setup", "turn", "checks", "critic", "gates", "baseline", "commit", "push", "cleanup", "merge", "verify", "land"] as const;
export type Phase = (typeof PHASES)[number];

/** Tokens and money as an agent or the gateway reports them; costs in US dollars. */
export const usageSchema = z.object({
  inputTokens: z.int().nonnegative().default(0),
  cachedInputTokens: z.int().nonnegative().default(0),
  outputTokens: z.int().nonnegative().default(0),
  reasoningTokens: z.int().nonnegative().default(0),
  costUsd: z.number().nonnegative().default(0),
});
export type Usage = z.infer<typeof usageSchema>;

const textSchema = z.string().max(262_144);

/** Of all the lines that a report of coverage tells of, how many tests ran. */
export const lineCoverageSchema = z.object({ covered: z.int().nonnegative(), lines: z.int().nonnegative() });
/** How much of the code tests run. */
export type LineCoverage = z.infer<typeof lineCoverageSchema>;

/** What a turn's agent and all that it started took of the machine, as its runner counted it inside of the sandbox. */
export const turnResourcesSchema = z.object({
  /** Processor time, in ms. */
  cpuMs: z.number().nonnegative(),
  /** Most memory that its processes held at one time, as far as somebody looked: the sum of their resident sets, in which shared pages count more than once. */
  peakMemoryBytes: z.number().nonnegative(),
});
/** What a turn took of the machine. */
export type TurnResources = z.infer<typeof turnResourcesSchema>;

/** Events that a backend may emit during a turn. */
export const agentEventSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("message"), data: z.object({ role: z.enum(["agent", "reasoning", "user"]), text: textSchema }) }),
  z.object({ kind: z.literal("tool-call"), data: z.object({ callId: z.string().max(200), name: z.string().max(200), input: z.unknown() }) }),
  z.object({ kind: z.literal("tool-result"), data: z.object({ callId: z.string().max(200), output: textSchema, isError: z.boolean().default(false) }) }),
  /** The agent itself says that it changed a file. What really changed, the commit tells. */
  z.object({
    kind: z.literal("file-change"),
    data: z.object({
      /** Relative to the workspace where it is inside of it. */
      path: z.string().max(4_096),
      change: z.enum(["added", "modified", "deleted"]),
      /** The tool call that it belongs to. */
      callId: z.string().max(200).optional(),
    }),
  }),
  /** The agent asked for leave, and the job's policy answered. */
  z.object({
    kind: z.literal("permission"),
    data: z.object({
      asked: z.enum(PERMISSION_KINDS),
      /** In the agent's words, such as the command. */
      text: textSchema,
      answer: z.enum(["allowed", "denied"]),
      policy: z.enum(PERMISSION_POLICIES),
      /** The tool call that it belongs to. */
      callId: z.string().max(200).optional(),
    }),
  }),
  z.object({
    kind: z.literal("plan"),
    data: z.object({ items: z.array(z.object({ text: textSchema, status: z.enum(["open", "active", "done"]) })).max(200) }),
  }),
  z.object({ kind: z.literal("usage"), data: usageSchema }),
  z.object({
    kind: z.literal("log"),
    data: z.object({
      /** `stdout`, `stderr`, `setup`, `gate:<name>` … */
      stream: z.string().max(100),
      /** Byte offset of this chunk in its stream. */
      offset: z.int().nonnegative(),
      /** The chunk as text, or base64 where the bytes are not UTF-8. */
      text: z.string().max(65_536),
      encoding: z.enum(["utf8", "base64"]).default("utf8"),
    }),
  }),
  z.object({
    kind: z.literal("notice"),
    data: z.object({ level: z.enum(["info", "warning", "error"]), text: textSchema, code: z.enum(ERROR_CODES).optional() }),
  }),
]);
export type AgentEvent = z.infer<typeof agentEventSchema>;

/** What the test runners in a gate's output said of their run, where they are known. */
export const testRunSchema = z.object({
  /** Such as `vitest`; several where the gate ran several. */
  runners: z.array(z.string().max(100)).max(20),
  /** Missing where the runner does not count what passes. */
  passed: z.int().nonnegative().optional(),
  failed: z.int().nonnegative(),
  skipped: z.int().nonnegative(),
  /** The first of those that failed. */
  failing: z.array(z.object({ name: z.string().max(300), file: z.string().max(300).optional(), line: z.int().positive().optional() })).max(20),
});
export type TestRun = z.infer<typeof testRunSchema>;

/** Events that the worker adds on its own account. */
export const workerEventSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("phase"),
    data: z.object({
      phase: z.enum(PHASES),
      status: z.enum(["started", "ended", "failed"]),
      /** Set when the phase ended. */
      durationMs: z.number().nonnegative().optional(),
      detail: z.string().max(4_096).optional(),
      /** Of the phase's time: what single steps in it took, in ms, for those who look for where time goes. Steps may overlap. */
      partsMs: z.record(z.string().max(50), z.number().nonnegative()).optional(),
    }),
  }),
  z.object({
    kind: z.literal("turn"),
    data: z.object({
      turn: z.int().positive(),
      status: z.enum(["started", "ended", "failed"]),
      /** `nudge`: the turn before it had stalled. */
      reason: z.enum(["task", "repair", "revision", "nudge"]),
      code: z.enum(ERROR_CODES).optional(),
      /** Set on its start: the templates that its prompt was made from. */
      prompts: z.array(promptUsedSchema).max(5).optional(),
      /** Set on its end, where the runner could count it. */
      resources: turnResourcesSchema.optional(),
    }),
  }),
  /** The agent said nothing and used no processor for too long. */
  z.object({
    kind: z.literal("stalled"),
    data: z.object({
      turn: z.int().positive(),
      /** How long, in ms. */
      silentMs: z.number().nonnegative(),
      /** Whether the processors that it used could be seen; else its events alone were judged. */
      cpuSeen: z.boolean(),
      /** `nudge`: a further turn asks it to go on. `give-up`: the attempt ends with AGENT_STALLED. */
      next: z.enum(["nudge", "give-up"]),
    }),
  }),
  z.object({
    kind: z.literal("gate"),
    data: z.object({
      name: nameSchema,
      /** `skipped`: not run, as a gate that it needs was red, or no changed path concerns it. */
      status: z.enum(["started", "passed", "failed", "timed-out", "skipped"]),
      /** 0 for the first run in an attempt, counted up with every repair. */
      round: z.int().nonnegative(),
      exitCode: z.int().nullable().optional(),
      durationMs: z.number().nonnegative().optional(),
      /** Name of the artifact that holds the whole output. */
      artifact: z.string().optional(),
      /** It failed first, and passed when it was run again. */
      flaky: z.boolean().optional(),
      tests: testRunSchema.optional(),
      /** Of one that was skipped: the gate that kept it from running. */
      because: nameSchema.optional(),
      /** Of one that was skipped: no changed path is among its `paths`. */
      unconcerned: z.boolean().optional(),
    }),
  }),
  z.object({
    kind: z.literal("egress"),
    data: z.object({
      phase: z.enum(EGRESS_PHASES),
      /** As the sandbox asked for it. */
      host: z.string().max(253),
      port: z.int().min(0).max(65_535),
      allowed: z.boolean(),
      /** Why it was refused. */
      reason: z.string().max(1_000).optional(),
      /** `first`: what was decided when it was first asked for. `total`: what came of it until the end of the phase or of the command. */
      status: z.enum(["first", "total"]),
      connections: z.int().nonnegative(),
      sentBytes: z.int().nonnegative(),
      receivedBytes: z.int().nonnegative(),
    }),
  }),
  /** What is made of a red gate. */
  z.object({
    kind: z.literal("gate-verdict"),
    data: z.object({
      name: nameSchema,
      round: z.int().nonnegative(),
      /** `new`: the change's. `before`: the base has the same failure. `flaky`: gone when run again. `quarantined`: known to come and go. */
      verdict: z.enum(["new", "before", "flaky", "quarantined"]),
      /** How the gate ends on the base; `unknown` where it could not be run there. */
      base: z.enum(["green", "red", "unknown"]),
      /** In words for people. */
      detail: z.string().max(1_000).optional(),
    }),
  }),
  z.object({
    kind: z.literal("check"),
    data: z.object({
      name: nameSchema,
      passed: z.boolean(),
      findings: z.array(z.string().max(1_000)).max(100),
      /** Of the check `coverage`: of all code, on the base and with the change; null where the base's is not known. */
      coverage: z.object({ before: lineCoverageSchema.nullable(), after: lineCoverageSchema }).optional(),
    }),
  }),
  z.object({ kind: z.literal("critic"), data: criticEventSchema }),
]);

/** Something is missing on purpose, and this says what: nothing is ever dropped in silence. */
const gapEventSchema = z.object({
  kind: z.literal("gap"),
  data: z.object({
    reason: z.enum(["job-log-limit", "worker-spool-limit", "expired"]),
    stream: z.string().optional(),
    droppedEvents: z.int().nonnegative(),
    droppedBytes: z.int().nonnegative(),
  }),
});

/** Events that only the server writes; a worker may write a gap too. */
export const serverEventSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("state"),
    data: z.object({
      from: z.enum(JOB_STATES).nullable(),
      to: z.enum(JOB_STATES),
      on: z.string(),
      reason: z.string(),
      code: z.enum(ERROR_CODES).optional(),
      workerId: z.string().optional(),
      /** Set on a claim: what the attempt runs in. */
      sandbox: z.enum(SANDBOX_KINDS).optional(),
      /** Set on a landing. */
      landedOid: z.string().optional(),
      branch: z.string().optional(),
    }),
  }),
  /** One request to a model, when it is settled: what it took, as the gateway counted it. */
  z.object({
    kind: z.literal("model-call"),
    data: z.object({
      callId: idSchema,
      provider: nameSchema,
      model: z.string().max(200),
      /** `ok`: answered whole. `failed`: refused or broken by the vendor or on the way. `cut`: the agent, or the end of its attempt, broke it off. */
      outcome: z.enum(MODEL_CALL_OUTCOMES),
      /** HTTP status of the vendor's answer; null where there was none. */
      status: z.int().nullable(),
      usage: usageSchema,
      /** True where the vendor told no usage, and the call was charged what had been reserved for it. */
      estimated: z.boolean(),
      code: z.enum(ERROR_CODES).optional(),
      durationMs: z.number().nonnegative(),
      /** Until the first byte of the answer's body; null where none came. */
      firstByteMs: z.number().nonnegative().nullable(),
    }),
  }),
  /** A choice among backends: which one the job is at now, and what was thought of the others. */
  z.object({
    kind: z.literal("routing"),
    data: z.object({
      cause: z.enum(ROUTE_CAUSES),
      backend: z.string(),
      /** The backend before; null at the submission. */
      from: z.string().nullable(),
      candidates: z.array(routeCandidateSchema).max(200),
    }),
  }),
  gapEventSchema,
]);

/** Any event of a job, without its envelope. */
export const eventBodySchema = z.discriminatedUnion("kind", [...agentEventSchema.options, ...workerEventSchema.options, ...serverEventSchema.options]);
export type EventBody = z.infer<typeof eventBodySchema>;

/** What a worker may append. */
export const appendableEventSchema = z.discriminatedUnion("kind", [...agentEventSchema.options, ...workerEventSchema.options, gapEventSchema]);
export type AppendableEvent = z.infer<typeof appendableEventSchema>;

/** An event as stored and sent. */
export const jobEventSchema = z.object({
  jobId: idSchema,
  seq: z.int().positive(),
  /** Fence of the attempt that it belongs to; null for what is not part of an attempt. */
  fence: fenceSchema.nullable(),
  at: timeSchema,
  kind: z.string(),
  data: z.unknown(),
});
/** `kind` and `data` always fit `EventBody`; the envelope is checked cheaply on the way. */
export type JobEvent = { jobId: string; seq: number; fence: number | null; at: number } & EventBody;

/** Frames of the event WebSocket and of the SSE stream (`event:` is the frame's type). */
export const eventFrameSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("event"), event: jobEventSchema }),
  /** The cursor asked for is older than what is kept; `nextSeq` is the first event that follows. */
  z.object({ type: z.literal("gap"), fromSeq: z.int(), nextSeq: z.int() }),
  /** All events up to the job's final state were sent; the server closes. */
  z.object({ type: z.literal("end"), lastSeq: z.int() }),
]);
/** A frame whose event is known by its kind. */
export type EventFrame = { type: "event"; event: JobEvent } | { type: "gap"; fromSeq: number; nextSeq: number } | { type: "end"; lastSeq: number };
