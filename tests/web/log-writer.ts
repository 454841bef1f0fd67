import type { ErrorCode } from "@slipway/protocol/errors";
import type { AppendableEvent } from "@slipway/protocol/events";
import type { JobView, SubmitJobInput } from "@slipway/protocol/job";
import type { TestServer } from "../server/server-harness.ts";

/** A job whose log a test writes as it likes, as the job's worker would: by the same calls, with the offsets that each stream has. */
export class LogWriter {
  readonly job: JobView;
  readonly #server: TestServer;
  readonly #params: { readonly job: string; readonly fence: number };
  readonly #offsets = new Map<string, number>();
  #ordinal = 0;

  private constructor(server: TestServer, job: JobView, fence: number) {
    this.#server = server;
    this.job = job;
    this.#params = { job: job.id, fence };
  }

  static async start(server: TestServer, repo: string, more: Partial<SubmitJobInput> = {}): Promise<LogWriter> {
    const job = await server.submit(repo, { backend: "script", backendConfig: { script: { turns: [] } }, ...more });
    const claim = await server.claim(await server.worker());
    if (claim?.job.id !== job.id) throw new Error("another job was claimed");
    return new LogWriter(server, job, claim.fence);
  }

  /** Events in one call. */
  async add(...events: readonly AppendableEvent[]): Promise<void> {
    const first = this.#ordinal + 1;
    this.#ordinal += events.length;
    const body = { events: events.map((event, index) => ({ ordinal: first + index, at: Date.now(), event })) };
    await this.#server.client("worker").call("appendEvents", { params: this.#params, body });
    await this.#server.client("worker").call("renew", { params: this.#params, body: {} });
  }

  /** Pieces of a stream; bytes go as base64. */
  async log(stream: string, ...pieces: ReadonlyArray<string | Uint8Array>): Promise<void> {
    await this.add(...pieces.map((piece) => this.#piece(stream, piece)));
  }

  /** Ends the attempt. */
  async fail(code: ErrorCode = "BACKEND_FAILED", message = "The test is over."): Promise<void> {
    const failure = { code, message, details: {} };
    await this.#server.client("worker").call("finish", { params: this.#params, body: { outcome: { kind: "failed", failure } } });
  }

  #piece(stream: string, piece: string | Uint8Array): AppendableEvent {
    const offset = this.#offsets.get(stream) ?? 0;
    this.#offsets.set(stream, offset + Buffer.byteLength(piece));
    const data =
      typeof piece === "string" ? { text: piece, encoding: "utf8" as const } : { text: Buffer.from(piece).toString("base64"), encoding: "base64" as const };
    return { kind: "log", data: { stream, offset, ...data } };
  }
}
