import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ATTEMPT_TOKEN, GATEWAY_TOKEN } from "./stub-control-plane.ts";

const MAIN = join(import.meta.dirname, "../../apps/gateway/src/main.ts");
export const REAL_KEY = "sk-the-real-key-0123456789";

export interface Answered {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  /** The connection broke before the answer was whole. */
  readonly cut: boolean;
  /** What of it was JSON. */
  readonly json: { error?: { message: string; type: string; code: string } };
}

export interface AskOptions {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer | object;
}

/** A data folder with a key and a configuration, and real gateways over it, one after the other. */
export class GatewayBench implements AsyncDisposable {
  readonly data: string;
  readonly socket: string;
  readonly #url: string | undefined;
  #child: ChildProcess | undefined;
  #log = "";

  private constructor(data: string, url: string | undefined) {
    this.data = data;
    this.#url = url;
    this.socket = join(data, "run/gateway.sock");
  }

  /** Without `url` the gateway waits for its parent to tell where the server is. */
  static async create(options: { readonly url?: string; readonly config?: string }): Promise<GatewayBench> {
    const data = await mkdtemp(join(tmpdir(), "slipway-gw-"));
    await mkdir(join(data, "secrets/gateway"), { recursive: true });
    await writeFile(join(data, "secrets/gateway/TEST_KEY"), `${REAL_KEY}\n`, { mode: 0o600 });
    await writeFile(join(data, "token"), `${GATEWAY_TOKEN}\n`);
    if (options.config !== undefined) await writeFile(join(data, "gateway.yaml"), options.config);
    return new GatewayBench(data, options.url);
  }

  get child(): ChildProcess {
    if (!this.#child) throw new Error("no gateway was started");
    return this.#child;
  }

  /** Everything that the gateways wrote to stderr. */
  get log(): string {
    return this.#log;
  }

  spawn(env: Record<string, string> = {}): ChildProcess {
    const where = this.#url === undefined ? [] : ["--url", this.#url];
    const flags = ["--disable-sigusr1", "--disable-warning=ExperimentalWarning", "--max-semi-space-size=1"];
    const args = ["serve", "--data", this.data, "--socket", this.socket, ...where, "--token-file", join(this.data, "token")];
    const child = spawn(process.execPath, [...flags, MAIN, ...args], {
      stdio: ["ignore", "inherit", "pipe", "ipc"],
      env: { PATH: process.env["PATH"], HOME: process.env["HOME"], MALLOC_ARENA_MAX: "1", SLIPWAY_LOG_LEVEL: "debug", ...env },
    });
    child.stderr?.on("data", (chunk: Buffer) => {
      this.#log += chunk;
    });
    this.#child = child;
    return child;
  }

  /** Resolves when the gateway is ready; rejects with its log where it ends before. */
  async start(env: Record<string, string> = {}): Promise<void> {
    const child = this.spawn(env);
    const [message] = await Promise.race([
      once(child, "message"),
      once(child, "exit").then(() => {
        throw new Error(`the gateway ended:\n${this.#log}`);
      }),
    ]);
    if (message.type !== "ready") throw new Error(`expected ready; found ${JSON.stringify(message)}`);
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGKILL");
    await rm(this.data, { recursive: true });
  }

  /** Sends a request as an agent does, and waits for the head of its answer. */
  async open(options: AskOptions = {}): Promise<{ request: ClientRequest; response: IncomingMessage }> {
    const body = options.body ?? { model: "m", input: "hi", stream: true };
    const request = httpRequest({
      socketPath: this.socket,
      method: options.method ?? "POST",
      path: options.path ?? "/test/v1/responses",
      headers: { "content-type": "application/json", authorization: `Bearer ${ATTEMPT_TOKEN}`, ...options.headers },
      agent: false,
    });
    const answered = once(request, "response");
    request.end(options.method === "GET" ? undefined : typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body));
    const [response] = await answered;
    return { request, response };
  }

  async ask(options: AskOptions = {}): Promise<Answered> {
    const { response } = await this.open(options);
    return await wholeOf(response);
  }
}

/** The rest of an answer, up to its end or to where it breaks off. */
export async function wholeOf(response: IncomingMessage): Promise<Answered> {
  const chunks: Buffer[] = [];
  response.on("data", (chunk: Buffer) => chunks.push(chunk));
  const cut = await new Promise<boolean>((resolve) => {
    response.once("end", () => resolve(false));
    response.once("error", () => resolve(true));
  });
  const body = Buffer.concat(chunks).toString();
  return { status: response.statusCode ?? 0, headers: response.headers, body, cut, json: parsed(body) };
}

function parsed(body: string): Answered["json"] {
  try {
    return JSON.parse(body);
  } catch {
    // A stream, or a page: whoever looks at `json` then finds nothing.
    return {};
  }
}

/** One provider at the stub's address, under the name `test`. */
export function configFor(baseUrl: string, more = ""): string {
  return `providers:\n  test:\n    baseUrl: ${baseUrl}\n    key: TEST_KEY\n${more}`;
}
