import { type ClientConnection, client, methods, PROTOCOL_VERSION, RequestError, type RequestPermissionRequest } from "@agentclientprotocol/sdk";
import { AgentProcess, type ProcessEnd } from "@slipway/backend-sdk/agent-process";
import type { ResidentAgent } from "@slipway/backend-sdk/resident-agents";
import { z } from "zod";
import { descendantsOf, killAll } from "../descendants.ts";
import type { ModelWatch } from "../model/model-watch.ts";
import { answerTo } from "../permissions.ts";
import type { Launch } from "../profile.ts";
import type { CommonSettings } from "../settings.ts";
import { MessageStream } from "./message-stream.ts";

const STDERR_TAIL_CHARACTERS = 4_000;
/** How long an agent may take to answer a cancel, in ms, before it is killed. */
const CANCEL_GRACE_MS = 400;

/** Who hears the agent during a turn. */
export interface TurnListener {
  onUpdate(params: unknown): void;
  onPermission(request: RequestPermissionRequest): void;
  onGarbage(line: string): void;
  onTooLong(limitBytes: number): void;
  onStderr(chunk: Buffer): void;
}

/** How a prompt ended, as the agent says it. */
export type PromptEnd =
  | { readonly kind: "answered"; readonly stopReason: string }
  | { readonly kind: "refused"; readonly error: RequestError }
  | { readonly kind: "exited"; readonly end: ProcessEnd };

export interface AcpAgentOptions {
  readonly launch: Launch;
  readonly cwd: string;
  readonly permissions: CommonSettings["permissions"];
  readonly watch: ModelWatch;
  readonly listener: TurnListener;
}

const capabilitiesSchema = z.looseObject({
  agentCapabilities: z
    .looseObject({
      loadSession: z.boolean().catch(false).default(false),
      sessionCapabilities: z.looseObject({ resume: z.unknown() }).catch({ resume: undefined }),
    })
    .catch({ loadSession: false, sessionCapabilities: { resume: undefined } }),
});
const sessionSchema = z.looseObject({ sessionId: z.string().min(1) });
const answerSchema = z.looseObject({ stopReason: z.string() });

/** One process of an agent, and the session in it. It may take many turns. */
export class AcpAgent implements ResidentAgent {
  readonly watch: ModelWatch;
  /** What it was started with: one that was started with something else does not fit. */
  readonly fingerprint: string;
  readonly #opening: { readonly cwd: string; readonly mcpServers: []; readonly _meta?: Record<string, unknown> };
  readonly #process: AgentProcess;
  readonly #connection: ClientConnection;
  #listener: TurnListener | undefined;
  #hasEnded = false;
  /** What an agent tells before it is asked is of no turn: a session that it takes up, or a change of its mode. */
  #isAsked = false;
  sessionId = "";
  stderrTail = "";
  /** Whether something came that is no message. */
  isGarbled = false;

  constructor({ launch, cwd, permissions, watch, listener }: AcpAgentOptions) {
    this.watch = watch;
    this.fingerprint = fingerprintOf(launch, permissions);
    this.#opening = { cwd, mcpServers: [], ...(launch.sessionMeta ? { _meta: { ...launch.sessionMeta } } : {}) };
    this.#listener = listener;
    const messages = new MessageStream({
      write: (line) => this.#process.write(line),
      onUpdate: (params) => {
        if (this.#isAsked) this.#listener?.onUpdate(params);
      },
      onGarbage: (line) => {
        this.isGarbled = true;
        this.#listener?.onGarbage(line);
      },
      onTooLong: (limitBytes) => this.#listener?.onTooLong(limitBytes),
    });
    this.#process = new AgentProcess({
      program: launch.program,
      args: launch.args,
      cwd,
      env: launch.env,
      onStdout: (chunk) => messages.push(chunk),
      onStderr: (chunk) => {
        this.stderrTail = (this.stderrTail + chunk.toString()).slice(-STDERR_TAIL_CHARACTERS);
        this.#listener?.onStderr(chunk);
      },
    });
    void this.#process.ended.then(() => {
      this.#hasEnded = true;
      messages.end();
      watch.close();
    });
    this.#connection = client({ name: "slipway" })
      .onRequest(methods.client.session.requestPermission, ({ params }) => {
        this.#listener?.onPermission(params);
        return answerTo(params, permissions);
      })
      .connect(messages.stream);
  }

  get isAlive(): boolean {
    return !this.#hasEnded;
  }

  get ended(): Promise<ProcessEnd> {
    return this.#process.ended;
  }

  /** From now on another turn hears it; nobody where there is none. */
  listen(listener: TurnListener | undefined): void {
    this.#listener = listener;
  }

  /** Says hello, and opens the session: the one called `resumed` where the agent can go on with it. Whether it does is the answer. */
  async open(resumed: string | undefined, mode: string | undefined): Promise<"resumed" | "new"> {
    const { agent } = this.#connection;
    const hello = await agent.request(methods.agent.initialize, {
      protocolVersion: PROTOCOL_VERSION,
      clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
      clientInfo: { name: "slipway", version: "1" },
    });
    const { agentCapabilities } = capabilitiesSchema.parse(hello);
    const isResumed = resumed !== undefined && (await this.#resume(resumed, agentCapabilities));
    if (!isResumed) {
      const opened = await agent.request(methods.agent.session.new, this.#opening);
      this.sessionId = sessionSchema.parse(opened).sessionId;
    }
    if (mode !== undefined) await agent.request(methods.agent.session.setMode, { sessionId: this.sessionId, modeId: mode });
    return isResumed ? "resumed" : "new";
  }

  /** One prompt, to its end. */
  async prompt(text: string): Promise<PromptEnd> {
    const exited = this.#process.ended.then((end) => ({ kind: "exited", end }) as const);
    const { sessionId } = this;
    this.#isAsked = true;
    const answered = this.#connection.agent.request<unknown>(methods.agent.session.prompt, { sessionId, prompt: [{ type: "text", text }] }).then(
      (answer): PromptEnd => ({ kind: "answered", stopReason: answerSchema.safeParse(answer).data?.stopReason ?? "none" }),
      // Whatever else it is: the connection is gone with the process.
      (error: unknown): PromptEnd | Promise<PromptEnd> => (error instanceof RequestError ? { kind: "refused", error } : exited),
    );
    return await Promise.race([answered, exited]).finally(() => {
      this.#isAsked = false;
    });
  }

  /** Cancels the prompt, which lets the agent end its commands, and ends it. */
  async cancel(prompt: Promise<unknown>): Promise<void> {
    const grace = Promise.withResolvers<void>();
    const timer = setTimeout(grace.resolve, CANCEL_GRACE_MS);
    await this.#connection.agent.notify(methods.agent.session.cancel, { sessionId: this.sessionId }).catch(() => undefined); // it is gone already
    await Promise.race([prompt, grace.promise]);
    clearTimeout(timer);
    await this.end();
  }

  async end(): Promise<void> {
    this.#listener = undefined;
    const { pid } = this.#process;
    const left = pid === undefined || this.#hasEnded ? [] : descendantsOf(pid);
    this.#process.kill();
    killAll(left);
    await this.#process.ended;
  }

  async #resume(sessionId: string, { loadSession, sessionCapabilities }: z.output<typeof capabilitiesSchema>["agentCapabilities"]): Promise<boolean> {
    const canResume = sessionCapabilities.resume !== undefined && sessionCapabilities.resume !== null;
    if (!canResume && !loadSession) return false;
    try {
      const params = { sessionId, ...this.#opening };
      if (canResume) await this.#connection.agent.request(methods.agent.session.resume, params);
      else await this.#connection.agent.request(methods.agent.session.load, params);
      this.sessionId = sessionId;
      return true;
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      return false;
    }
  }
}

/** What makes one process of an agent differ from another. */
export function fingerprintOf(launch: Launch, permissions: string): string {
  return JSON.stringify([launch, permissions]);
}
