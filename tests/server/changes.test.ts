import { CHANGES_PATH, type ChangeFrame, changeFrameSchema } from "@slipway/protocol/changes";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { TestServer } from "./server-harness.ts";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** Reads notices until one is as `isIt` says. */
class Reader implements Disposable {
  readonly frames: ChangeFrame[] = [];
  readonly #socket: WebSocket;
  #wake: () => void = () => undefined;

  constructor(cursor?: string) {
    const query = cursor === undefined ? "" : `?cursor=${cursor}`;
    this.#socket = new WebSocket(server.url.replace("http", "ws") + CHANGES_PATH + query, { headers: { authorization: `Bearer ${server.tokens.viewer}` } });
    this.#socket.on("message", (data) => {
      this.frames.push(changeFrameSchema.parse(JSON.parse(String(data))));
      this.#wake();
    });
  }

  async until(isIt: (frame: ChangeFrame) => boolean): Promise<ChangeFrame> {
    for (;;) {
      const found = this.frames.find(isIt);
      if (found) return found;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  [Symbol.dispose](): void {
    this.#socket.terminate();
  }
}

const names = (job: string) => (frame: ChangeFrame) => frame.type === "changes" && frame.states.includes(job);
const tells = (topic: string) => (frame: ChangeFrame) => frame.type === "changes" && (frame.topics as string[]).includes(topic);

test("a job's states and events, workers, repositories and tokens are told", async () => {
  using reader = new Reader();
  await reader.until(({ type }) => type === "hello");
  const { view } = await server.repository();
  await reader.until(tells("repositories"));
  const job = await server.submit(view.id);
  await reader.until(names(job.id));
  const worker = await server.worker();
  await reader.until(tells("workers"));
  await server.claim(worker);
  await reader.until((frame) => frame.type === "changes" && frame.states.includes(job.id) && frame.cursor !== reader.frames[0]?.cursor);
  await server.client("admin").call("createToken", { body: { name: "new", role: "viewer" } });
  await reader.until(tells("tokens"));
});

test("a reader that was away gets what it missed; after a restart it begins anew", async () => {
  const { view } = await server.repository();
  let cursor: string;
  {
    using reader = new Reader();
    ({ cursor } = await reader.until(({ type }) => type === "hello"));
  }
  const job = await server.submit(view.id);
  using back = new Reader(cursor);
  expect(await back.until(({ type }) => type === "hello")).toMatchObject({ resumed: true });
  await back.until(names(job.id));
  await server.restart();
  using anew = new Reader(cursor);
  expect(await anew.until(({ type }) => type === "hello")).toMatchObject({ resumed: false });
});
