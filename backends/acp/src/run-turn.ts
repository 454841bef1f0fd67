import { RequestError, type RequestPermissionRequest } from "@agentclientprotocol/sdk";
import type { ProcessEnd } from "@slipway/backend-sdk/agent-process";
import { aheadEnvironment, tellJob } from "@slipway/backend-sdk/ahead-environment";
import type { ModelAccess, TurnContext } from "@slipway/backend-sdk/backend";
import { answerPermission } from "@slipway/backend-sdk/permission";
import { type ReadImage, readImages } from "@slipway/backend-sdk/read-images";
import type { ResidentAgents } from "@slipway/backend-sdk/resident-agents";
import { abortedTurn, failedTurn, failedTurnOf } from "@slipway/backend-sdk/turn-result";
import { SlipwayError } from "@slipway/protocol/errors";
import type { TurnResult } from "@slipway/protocol/runner-protocol";
import { AcpAgent, type PromptEnd, type TurnListener } from "./client/acp-agent.ts";
import { UpdateReader } from "./events/update-reader.ts";
import { failedByAgent, failedCall } from "./failure.ts";
import type { CallFailure } from "./model/call-failure.ts";
import { ModelWatch, type TurnBounds } from "./model/model-watch.ts";
import { permissionKind, strictest } from "./permissions.ts";
import type { Launch, Profile } from "./profile.ts";
import { retold, type Session, sessionFileOf, withTurn } from "./session.ts";
import type { CommonSettings } from "./settings.ts";

/** How long an agent may take to start and to open its session, in ms. */
const START_LIMIT_MS = 120_000;

type Turn = TurnContext<CommonSettings>;

/** One turn of the agent that the profile tells of, in the process of the turn before where that lives. */
export async function runTurn(profile: Profile, residents: ResidentAgents<AcpAgent>, turn: Turn): Promise<TurnResult> {
  const { signal, model } = turn;
  if (signal.aborted) return abortedTurn(signal);
  if (!model) return failedTurn("GATEWAY_UNAVAILABLE", `${profile.title} needs a model, and this turn was given no way to one.`);
  try {
    return await new AcpTurn(profile, residents, turn, model).run();
  } catch (error) {
    return signal.aborted ? abortedTurn(signal) : failedTurnOf(error);
  }
}

class AcpTurn {
  readonly #profile: Profile;
  readonly #residents: ResidentAgents<AcpAgent>;
  readonly #turn: Turn;
  readonly #model: ModelAccess;
  readonly #reader: UpdateReader;
  readonly #listener: TurnListener;
  #hasWarnedOfGarbage = false;

  constructor(profile: Profile, residents: ResidentAgents<AcpAgent>, turn: Turn, model: ModelAccess) {
    this.#profile = profile;
    this.#residents = residents;
    this.#turn = { ...turn, config: { ...turn.config, permissions: strictest(turn.config.permissions, turn.permissions) } };
    this.#model = model;
    const { title, toolName } = profile;
    const reader = new UpdateReader({ turn: turn.turn, workspace: turn.workspace, title, toolName, emit: turn.emit, log: turn.log });
    this.#reader = reader;
    this.#listener = {
      onUpdate: (params) => reader.take(params),
      onPermission: (request) => this.#decide(request),
      onGarbage: (line) => this.#garbage(line),
      onTooLong: (limitBytes) => reader.warn(`${title} printed a line of more than ${limitBytes} bytes, which is left out.`),
      onStderr: (chunk) => turn.log("stderr", chunk),
    };
  }

  async run(): Promise<TurnResult> {
    const resident = await this.#resident();
    const result = resident && (await this.#converse(resident));
    // Killed between the turns, unseen: another process goes on with its session.
    return result ?? (await this.#converse(await this.#start())) ?? failedTurn("BACKEND_FAILED", `${this.#profile.title} ended before its turn began.`);
  }

  /** The turn in this process; undefined where that was gone before it began. */
  async #converse(agent: AcpAgent): Promise<TurnResult | undefined> {
    const { turn, home, prompt, signal } = this.#turn;
    const file = sessionFileOf(this.#profile.name);
    const isResident = agent.isAhead || agent.sessionId !== "";
    const session = turn > 1 ? await file.read(home) : undefined;
    const gaveUp = agent.watch.begin(this.#bounds());
    const aborted = Promise.withResolvers<"aborted">();
    const abort = (): void => aborted.resolve("aborted");
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    let isKept = false;
    try {
      const ready = this.#ready(agent, session).catch((error: unknown) => {
        // Whatever became of it while it waited: one that is started now says the same, or fares better.
        if (agent.isAhead && !signal.aborted) return "stale" as const;
        throw error;
      });
      const asked = await Promise.race([ready, aborted.promise]);
      if (asked === "aborted") return abortedTurn(signal);
      if (asked === "stale") return undefined;
      const prompted = agent.prompt(asked.prompt, asked.images);
      const end = await Promise.race([prompted, gaveUp.then((failure) => ({ kind: "gave-up", failure }) as const), aborted.promise]);
      if (end === "aborted") {
        agent.listen(undefined);
        await agent.cancel(prompted);
        return abortedTurn(signal);
      }
      if (end.kind === "exited" && isResident && !agent.watch.wasCalled) return undefined;
      this.#reader.end();
      const { usage } = agent.watch;
      if (usage) this.#turn.emit({ kind: "usage", data: usage });
      await file.write(home, withTurn(asked.session, prompt, this.#reader.finalText));
      isKept = end.kind === "answered";
      return this.#judge(agent, end);
    } finally {
      signal.removeEventListener("abort", abort);
      agent.watch.stop();
      agent.listen(undefined);
      if (isKept) await this.#residents.keep(home, agent);
      else await agent.end();
    }
  }

  /** The agent of the turn before, or one that was started ahead, where it lives and fits. */
  async #resident(): Promise<AcpAgent | undefined> {
    const { home, turn, config, env, mcpServers = [] } = this.#turn;
    const before = this.#residents.take(home);
    const ahead = this.#residents.takeAhead();
    const waiting = turn > 1 ? [before, ahead] : [ahead];
    let chosen: AcpAgent | undefined;
    for (const agent of waiting) {
      if (agent && !chosen && agent.fits(await this.#launch(agent), config, mcpServers)) chosen = agent;
    }
    for (const agent of [before, ahead]) if (agent !== chosen) await agent?.end();
    if (chosen?.isAhead && chosen.sessionId === "") await tellJob(env, home);
    chosen?.listen(this.#listener);
    return chosen;
  }

  async #start(): Promise<AcpAgent> {
    const watch = await ModelWatch.open(this.#bounds());
    try {
      const launch = await this.#launch({ watch, isAhead: false });
      const { workspace, config } = this.#turn;
      return new AcpAgent({ launch, workspace, config, watch, listener: this.#listener });
    } catch (error) {
      watch.close();
      throw error;
    }
  }

  /** How the turn would start this agent. */
  async #launch({ watch, isAhead }: Pick<AcpAgent, "watch" | "isAhead">): Promise<Launch> {
    const { config, home, workspace, env, images } = this.#turn;
    return await this.#profile.launch({
      ...{ config, home, workspace, modelUrl: watch.url, key: watch.key, hasImages: (images?.length ?? 0) > 0 },
      env: isAhead ? aheadEnvironment(env, home) : env,
    });
  }

  /** Opens the session where that is to be done; the answer is what to ask in it: with the job's images where it is a new one. */
  async #ready(agent: AcpAgent, session: Session | undefined): Promise<{ prompt: string; images: readonly ReadImage[]; session: Session }> {
    const { turn, prompt, home, mcpServers = [] } = this.#turn;
    if (agent.sessionId !== "")
      return { prompt, images: [], session: session?.sessionId === agent.sessionId ? session : { sessionId: agent.sessionId, turns: [] } };
    const { mode } = await this.#launch(agent);
    const opened = await withinStart(this.#profile.title, agent, agent.open(session?.sessionId, mode, mcpServers));
    if (opened === "resumed" && session) return { prompt, images: [], session };
    const { sessionId } = agent;
    const turns = session?.turns ?? [];
    await sessionFileOf(this.#profile.name).write(home, { sessionId, turns });
    if (turn > 1) {
      const told = turns.length === 0 ? "" : ", with what the earlier turns were about";
      this.#reader.warn(`${this.#profile.title} cannot take up the session of the earlier turns; a new one begins${told}.`);
    }
    return { prompt: turn > 1 ? retold(turns, prompt) : prompt, images: await this.#images(agent), session: { sessionId, turns } };
  }

  /** The job's images, for an agent that says that it takes some. IMAGES_NOT_TAKEN. */
  async #images(agent: AcpAgent): Promise<readonly ReadImage[]> {
    const { images = [] } = this.#turn;
    if (images.length === 0 || (await agent.greet()).promptCapabilities.image) return await readImages(images);
    const message = `${this.#profile.title} does not say that it takes images (\`promptCapabilities.image\` of ACP).`;
    throw new SlipwayError("IMAGES_NOT_TAKEN", message, { field: "images", backend: this.#profile.name });
  }

  #judge(agent: AcpAgent, end: PromptEnd | { readonly kind: "gave-up"; readonly failure: CallFailure }): TurnResult {
    const { title, words = [] } = this.#profile;
    const { lastFailure } = agent.watch;
    if (end.kind === "gave-up") return failedCall(title, end.failure);
    // Before all that the agent makes of it: some call a turn done whose model never answered.
    if (lastFailure) return failedCall(title, lastFailure);
    if (end.kind === "refused") return failedByAgent(title, end.error, words);
    if (end.kind === "exited") return exited(title, agent, end.end);
    switch (end.stopReason) {
      case "end_turn":
        return { status: "done", finalText: this.#reader.finalText };
      case "refusal":
        return failedTurn("MODEL_REFUSED", `${title}: the model refused to go on.`);
      case "max_tokens":
        return failedTurn("CONTEXT_TOO_LONG", `${title}: the model's answer reached its limit of tokens.`);
      case "max_turn_requests":
        return failedTurn("AGENT_STEP_LIMIT", `${title} reached its own limit of model calls in a turn.`);
      case "cancelled":
        return failedTurn("BACKEND_FAILED", `${title} says that its turn was cancelled, which nobody asked for.`);
      default:
        return failedTurn("BACKEND_OUTPUT_INVALID", `${title} ended its turn with the reason ${end.stopReason.slice(0, 100)}, which is none of ACP.`);
    }
  }

  #bounds(): TurnBounds {
    const { maxSteps, silenceTimeoutSeconds } = this.#turn.config;
    return { target: this.#model.baseUrl, token: this.#model.token, maxSteps, silenceMs: silenceTimeoutSeconds * 1_000 };
  }

  #decide(request: RequestPermissionRequest): "allow" | "deny" {
    const { kind, title } = request.toolCall;
    const callId = this.#reader.asked(request);
    const { config, emit } = this.#turn;
    return answerPermission({ permissions: config.permissions, emit }, { kind: permissionKind(kind), text: title ?? "a tool", callId });
  }

  #garbage(line: string): void {
    this.#turn.log("stdout", Buffer.from(`${line}\n`));
    if (!this.#hasWarnedOfGarbage) this.#reader.warn(`${this.#profile.title} printed something that is no message; it is in the log.`);
    this.#hasWarnedOfGarbage = true;
  }
}

/** Waits for an agent's session: it may refuse, go, or say nothing. */
async function withinStart<T>(title: string, agent: AcpAgent, opening: Promise<T>): Promise<T> {
  const limit = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    limit.reject(new SlipwayError("AGENT_STALLED", `${title} opened no session within ${START_LIMIT_MS / 1_000} s.`, { stderr: agent.stderrTail }));
  }, START_LIMIT_MS);
  const gone = agent.ended.then((end) => Promise.reject(errorOf(exited(title, agent, end))));
  for (const promise of [opening, gone, limit.promise]) promise.catch(() => undefined);
  try {
    return await Promise.race([gone, opening.catch((error: unknown) => startFailure(title, agent, error, gone)), limit.promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function startFailure(title: string, agent: AcpAgent, error: unknown, gone: Promise<never>): Promise<never> {
  if (error instanceof SlipwayError) throw error;
  if (error instanceof RequestError) throw errorOf(failedByAgent(title, error, []));
  // An answer that is none of the protocol; else the connection is gone, and its process says why.
  if (agent.isAlive) throw new SlipwayError("BACKEND_OUTPUT_INVALID", `${title} opened its session in a way that is none of ACP.`, {}, { cause: error });
  return await gone;
}

function errorOf(result: TurnResult): SlipwayError {
  if (result.status !== "failed") throw new TypeError("expected a turn that failed");
  const { code, message, details } = result.failure;
  return new SlipwayError(code, message, details);
}

function exited(title: string, agent: AcpAgent, end: ProcessEnd): TurnResult {
  if (end.startError) return failedTurn("BACKEND_NOT_INSTALLED", `${title} cannot be started: ${end.startError.message}.`);
  const how = end.exitCode === null ? `was ended by ${end.exitSignal}` : `ended with ${end.exitCode}`;
  const details = { exitCode: end.exitCode, signal: end.exitSignal, stderr: agent.stderrTail };
  return failedTurn(agent.isGarbled ? "BACKEND_OUTPUT_INVALID" : "BACKEND_FAILED", `${title} ${how} in the middle of its turn.`, details);
}
