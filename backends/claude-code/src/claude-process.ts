import { AgentProcess, type ProcessEnd } from "@slipway/backend-sdk/agent-process";
import type { McpServer } from "@slipway/backend-sdk/backend";
import type { ReadImage } from "@slipway/backend-sdk/read-images";
import { type ResidentAgent, ResidentAgents } from "@slipway/backend-sdk/resident-agents";

/** How long an interrupt may take, in ms: Claude Code ends what its shell runs, which no signal to its group would reach. */
const INTERRUPT_GRACE_MS = 600;

/** Of the request for MCP servers; each process gets one. */
export const SERVERS_REQUEST = "mcp-servers";

/** Of the request that gives a process which was started ahead its workspace; each gets one. */
export const CLAIM_REQUEST = "claim";

/** What a process is started with. */
export interface Launch {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Missing where the process is started before its job is known. */
  readonly token?: string;
  /** Equal where a process that was started so can take the turn. */
  readonly fingerprint: string;
}

/** Who hears a process, for as long as a turn lasts. */
export interface Listener {
  onStdout(chunk: Buffer): void;
  onStderr(chunk: Buffer): void;
}

/** A process of Claude Code, which takes one turn after the other on its standard input. */
export class ClaudeProcess implements ResidentAgent {
  readonly fingerprint: string;
  readonly ended: Promise<ProcessEnd>;
  readonly #agent: AgentProcess;
  #listener: Listener | undefined;
  #killTimer: NodeJS.Timeout | undefined;
  #isAlive = true;
  #requests = 0;
  /** Whether it has been told of the job's MCP servers. */
  hasServers = false;
  /** Whether it was started before its job was known; `bound` says which job that is, once it is. */
  readonly isAhead: boolean;
  bound: string | undefined;
  #unheard = 0;
  #isSteered = false;

  constructor({ program, args, cwd, env, token, fingerprint }: Launch) {
    this.fingerprint = fingerprint;
    this.isAhead = token === undefined;
    this.#agent = new AgentProcess({
      ...{ program, args, cwd, env, ...(token === undefined ? { isSecretLate: true } : { secret: token }) },
      onStdout: (chunk) => this.#listener?.onStdout(chunk),
      onStderr: (chunk) => this.#listener?.onStderr(chunk),
    });
    this.ended = this.#agent.ended.finally(() => {
      this.#isAlive = false;
      clearTimeout(this.#killTimer);
    });
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** From now on this one hears it. */
  listen(listener: Listener): void {
    this.#listener = listener;
  }

  /** Gives a process that was started ahead its token and its workspace; the answer is a control response. */
  claim(token: string, workspace: string, instructions: string | undefined): void {
    this.#agent.giveSecret(token);
    const folder = { cwd: workspace, additional_directories: [workspace], permission_mode: "bypassPermissions" };
    const request = { subtype: "claim_session", ...folder, ...(instructions === undefined ? {} : { append_system_prompt: instructions }) };
    this.#write({ type: "control_request", request_id: CLAIM_REQUEST, request });
  }

  /** Has it start MCP servers, of which nothing stands in an argument or a file; the answer is a control response. */
  startServers(servers: readonly McpServer[]): void {
    this.hasServers = true;
    this.#write({
      type: "control_request",
      request_id: SERVERS_REQUEST,
      request: { subtype: "mcp_set_servers", servers: Object.fromEntries(servers.map((server) => [server.name, toClaude(server)])) },
    });
  }

  /** Whether it was told something in the middle of the turn that it has not taken up yet. */
  get hasUnheard(): boolean {
    return this.#isSteered && this.#unheard > 0;
  }

  /** It has taken up what it was told. */
  heard(): void {
    this.#unheard = Math.max(0, this.#unheard - 1);
  }

  /** Begins a turn. Models do best with the images in front of the words about them. */
  prompt(text: string, images: readonly ReadImage[]): void {
    this.#unheard = 0;
    this.#isSteered = false;
    this.#say([...images.map(toBlock), textBlock(text)]);
  }

  /** Says something in the middle of the turn. */
  steer(text: string): void {
    this.#isSteered = true;
    this.#say([textBlock(text)]);
  }

  #say(content: readonly object[]): void {
    this.#unheard += 1;
    this.#write({ type: "user", message: { role: "user", content } });
  }

  /** From now on nobody hears it. */
  release(): void {
    this.#listener = undefined;
  }

  /** Has it stop what it does, and the commands that it runs; where it does not soon, it is killed. */
  interrupt(): void {
    this.#requests += 1;
    this.#write({ type: "control_request", request_id: `interrupt-${this.#requests}`, request: { subtype: "interrupt" } });
    this.#killTimer ??= setTimeout(() => this.#agent.kill(), INTERRUPT_GRACE_MS);
  }

  /** Ends it and its group at once. */
  async kill(): Promise<void> {
    this.#agent.kill();
    await this.ended;
  }

  async end(): Promise<void> {
    this.release();
    // It still reads its token, and hears nothing meanwhile.
    if (this.isAhead && this.bound === undefined) this.#agent.kill();
    this.#agent.expectExit();
    await this.ended;
  }

  #write(message: object): void {
    this.#agent.write(`${JSON.stringify(message)}\n`);
  }
}

function textBlock(text: string): object {
  return { type: "text", text };
}

function toBlock({ type, base64 }: ReadImage): object {
  return { type: "image", source: { type: "base64", media_type: type, data: base64 } };
}

function toClaude(server: McpServer): object {
  if (server.kind === "http") return { type: "http", url: server.url, headers: server.headers };
  return { type: "stdio", command: server.command, args: server.args, env: server.env };
}

/** Those that wait for the next turn of their conversation. */
export const residents = new ResidentAgents<ClaudeProcess>();
