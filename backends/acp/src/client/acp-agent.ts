import {
  type McpServer as AcpServer,
  type ClientConnection,
  type ContentBlock,
  client,
  methods,
  PROTOCOL_VERSION,
  RequestError,
  type RequestPermissionRequest,
} from "@agentclientprotocol/sdk";
import { AgentProcess, type ProcessEnd } from "@slipway/backend-sdk/agent-process";
import type { McpServer } from "@slipway/backend-sdk/backend";
import { descendantsOf, killAll } from "@slipway/backend-sdk/descendants";
import type { ReadImage } from "@slipway/backend-sdk/read-images";
import type { ResidentAgent } from "@slipway/backend-sdk/resident-agents";
import { SlipwayError } from "@slipway/protocol/errors";
import { z } from "zod";
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
  /** Decides. */
  onPermission(request: RequestPermissionRequest): "allow" | "deny";
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
  /** Of its sessions. */
  readonly workspace: string;
  /** Of the process; the workspace where it is missing. */
  readonly cwd?: string;
  readonly config: CommonSettings;
  readonly watch: ModelWatch;
  /** Nobody yet, where it is started ahead. */
  readonly listener?: TurnListener;
}

const capabilitiesSchema = z.looseObject({
  agentCapabilities: z
    .looseObject({
      loadSession: z.boolean().catch(false).default(false),
      mcpCapabilities: z.looseObject({ http: z.boolean().catch(false).default(false) }).catch({ http: false }),
      promptCapabilities: z.looseObject({ image: z.boolean().catch(false).default(false) }).catch({ image: false }),
      sessionCapabilities: z.looseObject({ resume: z.unknown() }).catch({ resume: undefined }),
    })
    .catch({ loadSession: false, mcpCapabilities: { http: false }, promptCapabilities: { image: false }, sessionCapabilities: { resume: undefined } }),
});
type AgentCapabilities = z.output<typeof capabilitiesSchema>["agentCapabilities"];
const sessionSchema = z.looseObject({ sessionId: z.string().min(1) });
const answerSchema = z.looseObject({ stopReason: z.string() });

/** One process of an agent, and the session in it. It may take many turns. */
export class AcpAgent implements ResidentAgent {
  readonly watch: ModelWatch;
  readonly #fingerprint: string;
  /** Whether it was started before its first turn was known. */
  readonly isAhead: boolean;
  readonly #sessionMeta: Launch["sessionMeta"];
  readonly #sessionTitle: Launch["sessionTitle"];
  readonly #workspace: string;
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
  #hello: Promise<AgentCapabilities> | undefined;
  /** Of the session. */
  #servers: readonly McpServer[] = [];

  constructor({ launch, workspace, cwd = workspace, config, watch, listener }: AcpAgentOptions) {
    this.watch = watch;
    this.#fingerprint = fingerprintOf(launch, config);
    this.#sessionMeta = launch.sessionMeta;
    this.#sessionTitle = launch.sessionTitle;
    this.isAhead = listener === undefined;
    this.#workspace = workspace;
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
        return answerTo(params, this.#listener?.onPermission(params) ?? "deny");
      })
      .connect(messages.stream);
  }

  get isAlive(): boolean {
    return !this.#hasEnded;
  }

  get ended(): Promise<ProcessEnd> {
    return this.#process.ended;
  }

  /** Whether it was started so, and its session, where it is open, has these servers. */
  fits(launch: Launch, config: CommonSettings, servers: readonly McpServer[]): boolean {
    if (this.#fingerprint !== fingerprintOf(launch, config)) return false;
    return this.sessionId === "" || JSON.stringify(this.#servers) === JSON.stringify(servers);
  }

  /** From now on another turn hears it; nobody where there is none. */
  listen(listener: TurnListener | undefined): void {
    this.#listener = listener;
  }

  /** Says hello, once. */
  async greet(): Promise<AgentCapabilities> {
    this.#hello ??= this.#connection.agent
      .request(methods.agent.initialize, {
        protocolVersion: PROTOCOL_VERSION,
        clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
        clientInfo: { name: "slipway", version: "1" },
      })
      .then((hello) => capabilitiesSchema.parse(hello).agentCapabilities);
    return await this.#hello;
  }

  /** Opens a session in this folder that no turn has. */
  async rehearse(cwd: string): Promise<void> {
    await this.#connection.agent.request(methods.agent.session.new, { cwd, mcpServers: [] });
  }

  /** Says hello, and opens the session: the one called `resumed` where the agent can go on with it. Whether it does is the answer. */
  async open(resumed: string | undefined, mode: string | undefined, servers: readonly McpServer[]): Promise<"resumed" | "new"> {
    const { agent } = this.#connection;
    const agentCapabilities = await this.greet();
    const remote = servers.find(({ kind }) => kind === "http");
    if (remote && !agentCapabilities.mcpCapabilities.http) {
      const message = `mcpServers.${remote.name}: the agent says that it takes no MCP servers by an address, but programs alone.`;
      throw new SlipwayError("MCP_SERVER_FAILED", message, { field: `mcpServers.${remote.name}`, expected: "a server with `command`" });
    }
    this.#servers = servers;
    const isResumed = resumed !== undefined && (await this.#resume(resumed, agentCapabilities));
    if (!isResumed) {
      const opened = await agent.request(methods.agent.session.new, this.#opening());
      this.sessionId = sessionSchema.parse(opened).sessionId;
      if (this.#sessionTitle !== undefined) await agent.request("session/set_title", { sessionId: this.sessionId, title: this.#sessionTitle });
    }
    if (mode !== undefined) await agent.request(methods.agent.session.setMode, { sessionId: this.sessionId, modeId: mode });
    return isResumed ? "resumed" : "new";
  }

  /** One prompt, to its end. */
  async prompt(text: string, images: readonly ReadImage[]): Promise<PromptEnd> {
    const exited = this.#process.ended.then((end) => ({ kind: "exited", end }) as const);
    const { sessionId } = this;
    this.#isAsked = true;
    const prompt: ContentBlock[] = [{ type: "text", text }, ...images.map(({ type, base64 }) => ({ type: "image" as const, mimeType: type, data: base64 }))];
    const answered = this.#connection.agent.request<unknown>(methods.agent.session.prompt, { sessionId, prompt }).then(
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

  #opening() {
    return { cwd: this.#workspace, mcpServers: this.#servers.map(toAcp), ...(this.#sessionMeta ? { _meta: { ...this.#sessionMeta } } : {}) };
  }

  async #resume(sessionId: string, { loadSession, sessionCapabilities }: AgentCapabilities): Promise<boolean> {
    const canResume = sessionCapabilities.resume !== undefined && sessionCapabilities.resume !== null;
    if (!canResume && !loadSession) return false;
    try {
      const params = { sessionId, ...this.#opening() };
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

/** What makes one process of an agent differ from another. Of the settings all count: some are in a file that the agent has read. */
function fingerprintOf({ env, ...launch }: Launch, config: CommonSettings): string {
  return JSON.stringify([launch, config].map((value) => Object.entries(value).toSorted(byName)).concat([Object.entries(env).toSorted(byName)]));
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

/** Goes over the agent's standard input: no argument and no file shows a value. */
function toAcp(server: McpServer): AcpServer {
  const listed = (values: Readonly<Record<string, string>>) => Object.entries(values).map(([name, value]) => ({ name, value }));
  if (server.kind === "http") return { type: "http", name: server.name, url: server.url, headers: listed(server.headers) };
  return { name: server.name, command: server.command, args: [...server.args], env: listed(server.env) };
}
