import { CHANGES_PATH, type ChangeFrame, changeFrameSchema } from "./changes.ts";
import { type Endpoint, fillPath } from "./endpoint.ts";
import { type BodyOf, ENDPOINTS, type EndpointName, type ParamsOf, type QueryOf, type ResponseOf, WORKER_SIGNALS_PATH } from "./endpoints.ts";
import { errorOfAnswer } from "./error-answer.ts";
import { SlipwayError } from "./errors.ts";
import { type EventFrame, eventFrameSchema } from "./events.ts";
import { type WorkerSignal, workerSignalSchema } from "./worker-api.ts";

type Args<N extends EndpointName> = (ParamsOf<N> extends undefined ? unknown : { params: ParamsOf<N> }) &
  (BodyOf<N> extends undefined ? unknown : { body: BodyOf<N> }) &
  (QueryOf<N> extends undefined ? unknown : { query?: QueryOf<N> }) & { signal?: AbortSignal };

/** Where the server is, and the token to show it. */
export interface ClientOptions {
  /** Such as `http://127.0.0.1:4750`. */
  readonly url: string;
  readonly token: string;
}

/** The typed client of the HTTP API. Every failure is a SlipwayError; a server out of reach is SERVER_UNAVAILABLE, an abort is rethrown. */
export class Client {
  readonly url: string;
  readonly #token: string;

  constructor(options: ClientOptions) {
    this.url = options.url.replace(/\/+$/, "");
    this.#token = options.token;
  }

  /** Calls one endpoint of the table. The answer is checked against the endpoint's schema. */
  async call<N extends EndpointName>(name: N, args: Args<N>): Promise<ResponseOf<N>> {
    const endpoint: Endpoint = ENDPOINTS[name];
    const { params, query, body, signal } = args as {
      params?: Record<string, string | number>;
      query?: Record<string, unknown>;
      body?: unknown;
      signal?: AbortSignal;
    };
    const response = await this.#fetch(endpoint.method, fillPath(endpoint.path, params) + queryText(query), {
      ...(body === undefined ? {} : { body: JSON.stringify(body), type: "application/json" }),
      ...(signal ? { signal } : {}),
    });
    return endpoint.response.parse(await response.json()) as ResponseOf<N>;
  }

  /** The job's change as a patch, or another one of its changes. */
  async diff(job: string | number, query: QueryOf<"jobDiff"> = {}, signal?: AbortSignal): Promise<string> {
    const response = await this.#fetch("GET", fillPath(ENDPOINTS.jobDiff.path, { job }) + queryText(query), signal ? { signal } : {});
    return await response.text();
  }

  /** One artifact's bytes. */
  async artifact(job: string | number, name: string, signal?: AbortSignal): Promise<Uint8Array> {
    const response = await this.#fetch("GET", fillPath(ENDPOINTS.getArtifact.path, { job, name }), signal ? { signal } : {});
    return new Uint8Array(await response.arrayBuffer());
  }

  /** The bytes of one image of a job; `image` is its place among them, from 1. */
  async jobImage(job: string | number, image: number, signal?: AbortSignal): Promise<Uint8Array> {
    const response = await this.#fetch("GET", fillPath(ENDPOINTS.getJobImage.path, { job, image }), signal ? { signal } : {});
    return new Uint8Array(await response.arrayBuffer());
  }

  /** Stores an artifact of an attempt. */
  async putArtifact(job: string, fence: number, name: string, bytes: Uint8Array<ArrayBuffer>, signal?: AbortSignal): Promise<ResponseOf<"putArtifact">> {
    const path = fillPath(ENDPOINTS.putArtifact.path, { job, fence, name });
    const response = await this.#fetch("PUT", path, { body: bytes, type: "application/octet-stream", ...(signal ? { signal } : {}) });
    return ENDPOINTS.putArtifact.response.parse(await response.json());
  }

  /**
   * The events of a job, from the one after `after` on, until its end. A lost connection is taken up again where it broke, so that each event
   * comes exactly once; `onRetry` hears of each break.
   */
  async *follow(
    job: string | number,
    options: { after?: number; signal?: AbortSignal; onRetry?: (error: SlipwayError) => void } = {},
  ): AsyncGenerator<EventFrame> {
    let after = options.after ?? 0;
    for (let failures = 0; ; ) {
      const path = `${fillPath(ENDPOINTS.listEvents.path, { job })}?after=${after}`;
      try {
        for await (const text of this.#texts(path, options.signal)) {
          failures = 0;
          const frame = eventFrameSchema.parse(JSON.parse(text)) as EventFrame;
          if (frame.type === "event") after = frame.event.seq;
          if (frame.type === "gap") after = frame.nextSeq - 1;
          yield frame;
          if (frame.type === "end") return;
        }
      } catch (error) {
        options.signal?.throwIfAborted();
        if (!(error instanceof SlipwayError) || error.code !== "SERVER_UNAVAILABLE") throw error;
        options.onRetry?.(error);
      }
      failures += 1;
      await pause(Math.min(100 * 2 ** failures, 3_000), options.signal);
    }
  }

  /**
   * Notices of what changed in the installation, until the signal aborts. A lost connection is taken up again at its cursor; where that is not kept any more,
   * the `hello` that follows has `resumed` false, and everything may have changed. `onLost` hears of each break, and of each try that failed.
   */
  async *changes(options: { signal?: AbortSignal; onLost?: () => void } = {}): AsyncGenerator<ChangeFrame> {
    let cursor: string | undefined;
    for (let failures = 0; ; failures += 1) {
      const path = cursor === undefined ? CHANGES_PATH : `${CHANGES_PATH}?cursor=${encodeURIComponent(cursor)}`;
      try {
        for await (const text of this.#texts(path, options.signal)) {
          failures = 0;
          const frame = changeFrameSchema.parse(JSON.parse(text));
          cursor = frame.cursor;
          yield frame;
        }
      } catch (error) {
        options.signal?.throwIfAborted();
        if (!(error instanceof SlipwayError) || error.code !== "SERVER_UNAVAILABLE") throw error;
      }
      options.onLost?.();
      await pause(Math.min(100 * 2 ** failures, 3_000), options.signal);
    }
  }

  /** Signals for a worker, until the connection breaks or the signal aborts. */
  async *signals(workerId: string, options: { signal?: AbortSignal; onOpen?: () => void } = {}): AsyncGenerator<WorkerSignal> {
    for await (const text of this.#texts(fillPath(WORKER_SIGNALS_PATH, { worker: workerId }), options.signal, options.onOpen)) {
      yield workerSignalSchema.parse(JSON.parse(text));
    }
  }

  async #fetch(method: string, path: string, init: { body?: string | Uint8Array<ArrayBuffer>; type?: string; signal?: AbortSignal }): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(this.url + path, {
        method,
        headers: { authorization: `Bearer ${this.#token}`, ...(init.type ? { "content-type": init.type } : {}) },
        ...(init.body === undefined ? {} : { body: init.body }),
        ...(init.signal ? { signal: init.signal } : {}),
      });
    } catch (error) {
      init.signal?.throwIfAborted();
      throw new SlipwayError("SERVER_UNAVAILABLE", `The server at ${this.url} does not answer.`, { url: this.url }, { cause: error });
    }
    if (!response.ok) throw errorOfAnswer(response.status, await response.text());
    return response;
  }

  /** Who follows nothing does without the WebSocket library's memory. */
  async *#texts(path: string, signal?: AbortSignal, onOpen?: () => void): AsyncGenerator<string> {
    const { textsOf } = await import("./text-socket.ts");
    yield* textsOf({ url: this.url, path, token: this.#token, signal, onOpen });
  }
}

function queryText(query: Record<string, unknown> | undefined): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value !== undefined) search.set(key, Array.isArray(value) ? value.join(",") : String(value));
  }
  return search.size > 0 ? `?${search}` : "";
}

async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const abort = (): void => reject(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    signal?.throwIfAborted();
    await promise;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}
