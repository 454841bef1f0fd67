import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { SlipwayError } from "@slipway/protocol/errors";
import type { DatabaseOptions } from "./database.ts";
import { type Call, type FromThread, fromWire, type Reply, type ToThread } from "./messages.ts";
import type { OperationName, Operations } from "./operations.ts";

type Arguments<Name extends OperationName> = Operations[Name] extends (db: never, ...args: infer Args) => unknown ? Args : never;

interface Waiting {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

/** The server's end of the port to the store's thread: calls out, answers in. */
export class Channel implements AsyncDisposable {
  readonly installationId: string;
  readonly #worker: Worker;
  readonly #exited: Promise<unknown>;
  readonly #waiting = new Map<number, Waiting>();
  #outbox: Call[] = [];
  #lastId = 0;
  #ended: SlipwayError | null = null;

  constructor(worker: Worker, installationId: string) {
    this.#worker = worker;
    this.installationId = installationId;
    worker.on("message", (message: FromThread) => {
      if (message.type === "replies") for (const reply of message.replies) this.#settle(reply);
    });
    worker.on("error", (error) => this.#end(new SlipwayError("INTERNAL", `The store's thread failed. (${String(error)})`, {}, { cause: error })));
    this.#exited = new Promise((resolve) => worker.once("exit", resolve));
    worker.once("exit", () => this.#end(new SlipwayError("SERVER_UNAVAILABLE", "The store is closed.")));
  }

  /** Runs an operation in the thread; resolves when what it changed is durable. */
  call<Name extends OperationName>(name: Name, ...args: Arguments<Name>): Promise<ReturnType<Operations[Name]>> {
    if (this.#ended) return Promise.reject(this.#ended);
    const id = ++this.#lastId;
    // What is called in the same turn of the event loop crosses as one message.
    if (this.#outbox.length === 0) queueMicrotask(() => this.#flush());
    this.#outbox.push({ id, name, args });
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  /** Lets the calls that are under way finish, then closes the database and ends the thread. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) {
      this.#flush();
      this.#ended = new SlipwayError("SERVER_UNAVAILABLE", "The store is closed.");
      this.#post({ type: "close" });
    }
    await this.#exited;
  }

  #flush(): void {
    if (this.#outbox.length === 0) return;
    const calls = this.#outbox;
    this.#outbox = [];
    this.#post({ type: "calls", calls });
  }

  #post(message: ToThread): void {
    this.#worker.postMessage(message);
  }

  #settle(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ("error" in reply) waiting?.reject(fromWire(reply.error));
    else waiting?.resolve(reply.value as never);
  }

  #end(reason: SlipwayError): void {
    this.#ended ??= reason;
    for (const { reject } of this.#waiting.values()) reject(reason);
    this.#waiting.clear();
  }
}

/** Starts the thread and waits until its database is open; what the opening ends with is thrown here. */
export async function openChannel(options: DatabaseOptions): Promise<Channel> {
  const worker = new Worker(new URL("./thread.ts", import.meta.url), { workerData: options, name: "slipway-store" });
  const [first] = (await once(worker, "message")) as [FromThread];
  if (first.type === "ready") return new Channel(worker, first.installationId);
  await worker.terminate();
  throw first.type === "refused" ? fromWire(first.error) : new SlipwayError("INTERNAL", "The store's thread spoke out of turn.");
}
