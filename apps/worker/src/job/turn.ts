import { createHash } from "node:crypto";
import { join } from "node:path";
import type { FilledPrompt } from "@slipway/prompts/prompt-book";
import { type ErrorCode, SlipwayError } from "@slipway/protocol/errors";
import type { PromptUsed } from "@slipway/protocol/prompts";
import type { TurnRequest, TurnResult } from "@slipway/protocol/runner-protocol";
import type { McpServers } from "@slipway/protocol/turn-settings";
import type { AttemptContext, Journal } from "../attempt/context.ts";
import { openEgress } from "../egress/open-egress.ts";
import { certificateEnvironment } from "../sandbox/network-environment.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { jobEnvironment } from "./command.ts";
import type { Deadline } from "./deadline.ts";
import { imagesOfTurn } from "./job-images.ts";
import { modelFailure } from "./model-failure.ts";
import { orNudge } from "./nudge.ts";
import { since, turnOutOfMemory } from "./out-of-memory.ts";
import { turnOutOfProcesses } from "./out-of-processes.ts";
import { inPhase } from "./phase.ts";
import { turnsBefore } from "./revise.ts";
import { secretsForTurn } from "./secrets.ts";
import { turnKey } from "./turn-key.ts";

export interface Turn {
  /** 1 for the first turn of the attempt. */
  readonly turn: number;
  readonly reason: "task" | "repair" | "revision" | "nudge";
  /** Which commit it works for, counted from 0: each has a sandbox of its own. */
  readonly take: number;
  readonly prompt: string;
  /** What the prompt was made from. */
  readonly templates?: readonly PromptUsed[];
  /** The prompt of a further turn, should this one stall; without it there is none. It is told how long the agent was silent. */
  readonly nudge?: (silence: string) => FilledPrompt;
  /** Hosts that the agent may reach, beside its models. */
  readonly egress: readonly string[];
  readonly mcpServers: McpServers;
}

type Failure = Extract<TurnResult, { status: "failed" }>["failure"];

/**
 * What only a worker or the server can know. From a backend it would be believed all the same: an attempt whose worker was stopped, for one, is not counted.
 */
const NOT_A_BACKENDS: ReadonlySet<ErrorCode> = new Set(["WORKER_STOPPED", "LEASE_LOST", "CANCELLED"]);

/** How long before the worker's own limit the runner ends a turn by itself, at most, in ms. */
const RUNNER_HEAD_START_MS = 2_000;

/** Beside the runner's own socket. */
const EGRESS_SOCKET = "e";

/** Whether the turn has come to its sandbox, in this life of the worker or an earlier one. */
export function hasBegun(journal: Journal, turn: number): boolean {
  return journal.has(sandboxKey(turnKey(turn)));
}

/** Of the journal's step that holds which sandbox a turn was begun in. */
function sandboxKey(key: string): string {
  return `${key}:sandbox`;
}

/**
 * One turn of the agent, from prompt to final answer, which it gives; one that stalls is followed by a nudge, once in an attempt. Throws its failure;
 * AGENT_TIMEOUT where its share of the deadline is used up.
 */
export async function runTurn(context: AttemptContext, sandbox: Sandbox, turn: Turn, deadline: Deadline): Promise<string> {
  const converse = (key: string, number: number, asked: Turn): Promise<string> => oneTurn(context, sandbox, { ...asked, key, number }, deadline);
  return await orNudge(context, turn, deadline, converse);
}

/** One conversation with the runner: a turn, or the nudge behind it. */
interface Conversation extends Turn {
  /** Of its journal steps and events, and its id at the runner. */
  readonly key: string;
  /** As people and the backend count it: nudges count too. */
  readonly number: number;
}

async function oneTurn(context: AttemptContext, sandbox: Sandbox, turn: Conversation, deadline: Deadline): Promise<string> {
  const { key, number, reason, templates } = turn;
  return await inPhase(context, "turn", `${key}:phase`, async (parts) => {
    const prompts = templates && templates.length > 0 ? { prompts: [...templates] } : {};
    await context.events.emitOnce(`${key}:started`, { kind: "turn", data: { turn: number, status: "started", reason, ...prompts } });
    await requireSameSandbox(context, sandbox, key);
    const work = (): Promise<TurnResult> => parts.time("runner", () => converse(context, sandbox, turn, deadline));
    const result = await context.journal.step(key, async () => masked(context, await endOf(context, sandbox, work)));
    const ending = result.status === "done" ? { status: "ended" as const } : { status: "failed" as const, code: result.failure.code };
    await context.events.emitOnce(`${key}:ended`, {
      kind: "turn",
      data: { turn: number, reason, ...ending, ...(result.resources ? { resources: result.resources } : {}) },
    });
    if (result.status === "failed") throw new SlipwayError(result.failure.code, result.failure.message, { ...result.failure.details, turn: number });
    return result.finalText;
  });
}

/** How a turn ended, a lost runner included, with the cause that the agent cannot know: the kernel killed it for want of memory, or the model refused it. */
async function endOf(context: AttemptContext, sandbox: Sandbox, work: () => Promise<TurnResult>): Promise<TurnResult> {
  const killsBefore = sandbox.memoryEvidence()?.kills ?? 0;
  const refusedBefore = sandbox.processEvidence?.() ?? null;
  const result = await work().catch((error: unknown): TurnResult => {
    if (context.signal.aborted || !(error instanceof SlipwayError)) throw error;
    return { status: "failed", failure: failureOf(error) };
  });
  if (result.status === "done") return result;
  if (!context.signal.aborted && NOT_A_BACKENDS.has(result.failure.code)) return { ...result, failure: failureOf(notABackends(result.failure)) };
  const cause =
    turnOutOfMemory(since(sandbox.memoryEvidence(), killsBefore), result.failure) ??
    turnOutOfProcesses(refusedBefore, sandbox.processEvidence?.() ?? null, result.failure);
  return { ...result, failure: cause ? failureOf(cause) : await modelFailure(context, result.failure) };
}

/** A failure may quote what the runner or its process said, which nobody has masked. */
function masked(context: AttemptContext, result: TurnResult): TurnResult {
  return result.status === "done" ? result : { ...result, failure: context.masks.failure(result.failure) };
}

function notABackends({ code, message }: Failure): SlipwayError {
  return new SlipwayError("BACKEND_OUTPUT_INVALID", `The backend ended its turn with ${code}, which is not its to say: ${message}`.slice(0, 20_000));
}

function failureOf({ code, message, details }: SlipwayError): Failure {
  return { code, message, details: { ...details } };
}

async function converse(context: AttemptContext, sandbox: Sandbox, turn: Conversation, deadline: Deadline): Promise<TurnResult> {
  const { job } = context.claim;
  const shareMs = deadline.turnMs();
  if (shareMs < 1) return outOfTime(turn, job.timeoutMs);
  const limit = AbortSignal.timeout(shareMs);
  const firstOrdinal = await ordinalsBefore(context, turn.take);
  const way = turn.egress.length > 0 && sandbox.sockets ? openEgress(context, "turn", turn.egress) : undefined;
  try {
    context.inbox?.listen((message) => sandbox.steer?.(turn.key, message) ?? false);
    await using _ = await way?.listenAnew(join(sandbox.sockets?.host ?? "", EGRESS_SOCKET), sandbox.sockets?.owner);
    const result = await sandbox.turn(
      {
        type: "turn",
        turnId: turn.key,
        turn: turn.number + turnsBefore(context),
        backend: job.backend,
        config: job.backendConfig,
        prompt: turn.prompt,
        permissions: job.permissions,
        mcpServers: turn.mcpServers,
        ...(job.readOnly ? { readOnly: true } : {}),
        ...imagesOfTurn(context, sandbox),
        workspace: sandbox.inside.workspace,
        home: sandbox.inside.home,
        env: {
          ...(way ? certificateEnvironment(process.env) : {}),
          ...jobEnvironment(context, sandbox, { portBase: context.ports.turnBase, network: "none" }),
          PATH: sandbox.inside.agentPath ?? sandbox.inside.path,
        },
        secrets: await secretsForTurn(context),
        ...gatewayFor(context, sandbox),
        ...(way && sandbox.sockets ? { egress: { socket: join(sandbox.sockets.inside, EGRESS_SOCKET) } } : {}),
        timeoutMs: Math.max(1, Math.floor(shareMs - Math.min(RUNNER_HEAD_START_MS, shareMs * 0.1))),
        stallMs: job.stallMs,
      },
      {
        afterOrdinal: context.events.lastRunnerOrdinal - firstOrdinal,
        onEvent: (ordinal, at, event) => context.events.emitFromRunner(firstOrdinal + ordinal, at, event),
        signal: AbortSignal.any([context.signal, limit]),
      },
    );
    return result.status === "failed" && endedByClock(result.failure) ? { ...result, ...outOfTime(turn, job.timeoutMs) } : result;
  } catch (error) {
    context.signal.throwIfAborted();
    // The runner is untrusted: one that does not end the turn in its time is not waited for.
    if (limit.aborted || (error instanceof SlipwayError && endedByClock(error))) return outOfTime(turn, job.timeoutMs);
    throw error;
  } finally {
    context.inbox?.listen(undefined);
    await way?.tellTotals();
  }
}

/** How many events came from the sandboxes of earlier takes: each runner counts its own from 1. */
async function ordinalsBefore({ journal, events }: AttemptContext, take: number): Promise<number> {
  return take === 0 ? 0 : await journal.step(`ordinals-before-${take}`, async () => events.lastRunnerOrdinal);
}

/** The way to the models, for a backend that says that it needs one; the others get neither socket nor token. Without it the runner fails the turn. */
function gatewayFor({ claim, manifest }: AttemptContext, sandbox: Sandbox): Pick<TurnRequest, "gateway"> {
  const socket = sandbox.inside.gateway;
  return manifest?.capabilities.model && claim.model && socket !== undefined ? { gateway: { socket, token: claim.model.token } } : {};
}

/**
 * A turn lives in one sandbox. Where a restarted worker finds another one than the turn was begun in, what the agent did so far is not known, and
 * to begin again on its half-made work would run it twice: RUNNER_LOST.
 */
async function requireSameSandbox(context: AttemptContext, sandbox: Sandbox, key: string): Promise<void> {
  if (context.journal.has(key)) return;
  const mark = createHash("sha256").update(sandbox.record.nonce).digest("hex").slice(0, 16);
  const begunIn = await context.journal.step(sandboxKey(key), async () => mark);
  if (begunIn !== mark) throw new SlipwayError("RUNNER_LOST", "The sandbox that the turn was begun in is gone.", { turn: key });
}

/** Whether a limit of ours ended the turn, and not a backend with a timeout of its own: the limit is the turn's share, of which nobody but the worker knows. */
function endedByClock({ code, details }: Pick<Failure, "code" | "details">): boolean {
  return code === "AGENT_TIMEOUT" && typeof details["timeoutMs"] === "number";
}

function outOfTime(turn: Conversation, timeoutMs: number): TurnResult {
  const message = `The agent did not finish turn ${turn.number} in its share of the attempt's ${timeoutMs / 1_000} s; the rest is kept for gates and commit.`;
  return { status: "failed", failure: { code: "AGENT_TIMEOUT", message, details: { timeoutMs } } };
}
