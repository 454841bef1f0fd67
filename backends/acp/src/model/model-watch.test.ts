import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { ModelWatch, type TurnBounds } from "./model-watch.ts";

const TOKEN = "token-of-the-attempt";
const open: Array<{ close(): void }> = [];
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

/** A gateway that answers as it is told, and what it was shown. */
async function gateway(answer: (response: ServerResponse, call: number) => void) {
  const shown: unknown[] = [];
  const server: Server = createServer((request, response) => {
    request.resume().on("end", () => {
      shown.push(request.headers["x-goog-api-key"] ?? request.headers.authorization);
      answer(response, shown.length);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  open.push({ close: () => server.closeAllConnections() }, server);
  return { shown, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function watchOf(target: string, more: Partial<TurnBounds> = {}) {
  const bounds = { target, token: TOKEN, maxSteps: 100, silenceMs: 10_000, ...more };
  const watch = await ModelWatch.open(bounds);
  open.push(watch);
  return { watch, gaveUp: watch.begin(bounds) };
}

async function ask(watch: ModelWatch, { key = watch.key, tools = true } = {}): Promise<{ status: number; text: string }> {
  const body = JSON.stringify({ messages: [{ content: '"tools": not here' }], ...(tools ? { tools: [] } : {}) });
  const answer = await fetch(`${watch.url}/openai/v1/chat/completions`, { method: "POST", headers: { authorization: `Bearer ${key}` }, body });
  return { status: answer.status, text: await answer.text() };
}

const json = (response: ServerResponse, status: number, value: unknown) =>
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
const usage = { prompt_tokens: 10, completion_tokens: 4, prompt_tokens_details: { cached_tokens: 3 } };

test("the agent's key becomes the attempt's token, in the vendor's own header; another key is refused", async () => {
  const { url, shown } = await gateway((response) => json(response, 200, { usage }));
  const { watch } = await watchOf(url);
  await ask(watch);
  await fetch(`${watch.url}/gemini/v1beta/models/m:generateContent`, { method: "POST", headers: { "x-goog-api-key": watch.key }, body: "{}" });
  expect(shown).toEqual([`Bearer ${TOKEN}`, TOKEN]);
  expect((await ask(watch, { key: TOKEN })).status).toBe(401);
  expect(shown).toHaveLength(2);
  expect(watch.usage).toEqual({ inputTokens: 20, cachedInputTokens: 6, outputTokens: 8, reasoningTokens: 0, costUsd: 0 });
});

test("three failures one behind the other end the turn, with the code of the last; an answer between them begins anew", async () => {
  const { url } = await gateway((response, call) => json(response, call === 2 ? 200 : 429, { error: call === 2 ? undefined : { message: "slow down" } }));
  const { watch, gaveUp } = await watchOf(url);
  for (let call = 0; call < 4; call += 1) await ask(watch);
  expect(watch.lastFailure).toMatchObject({ code: "BACKEND_RATE_LIMITED" });
  await ask(watch);
  expect(await gaveUp).toEqual({ code: "BACKEND_RATE_LIMITED", message: "slow down", status: 429 });
});

test("calls without tools neither fail a turn nor count", async () => {
  const { url } = await gateway((response) => json(response, 500, {}));
  const { watch } = await watchOf(url, { maxSteps: 1 });
  for (let call = 0; call < 4; call += 1) expect((await ask(watch, { tools: false })).status).toBe(500);
  expect([watch.lastFailure, watch.wasCalled]).toEqual([undefined, false]);
});

test("one step too many is refused and ends the turn", async () => {
  const { url, shown } = await gateway((response) => json(response, 200, {}));
  const { watch, gaveUp } = await watchOf(url, { maxSteps: 2 });
  const statuses = [await ask(watch), await ask(watch), await ask(watch)].map(({ status }) => status);
  expect([statuses, shown.length]).toEqual([[200, 200, 400], 2]);
  expect(await gaveUp).toMatchObject({ code: "AGENT_STEP_LIMIT" });
});

test.each([
  ["before its headers", (): void => undefined],
  ["inside its answer", (response: ServerResponse): void => void response.writeHead(200, { "content-type": "text/event-stream" }).write("data: {}\n\n")],
])("a model that falls silent %s is MODEL_TIMEOUT", async (_, answer) => {
  const { url } = await gateway(answer);
  const { watch } = await watchOf(url, { silenceMs: 100 });
  await ask(watch).catch(() => undefined); // the agent sees a connection that broke
  expect(watch.lastFailure).toMatchObject({ code: "MODEL_TIMEOUT" });
});

test("an answer that breaks off is MODEL_UNREACHABLE, an error inside of it what it says, and a gateway that is gone is told of", async () => {
  const { url } = await gateway((response, call) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    if (call === 1) response.write("data: {}\n\n", () => response.destroy());
    else response.end('data: {"error":{"code":"BUDGET_EXCEEDED","message":"BUDGET_EXCEEDED: nothing is left"}}\n\n');
  });
  const { watch } = await watchOf(url);
  await ask(watch).catch(() => undefined); // broken off for the agent too
  expect(watch.lastFailure).toMatchObject({ code: "MODEL_UNREACHABLE" });
  await ask(watch);
  expect(watch.lastFailure).toMatchObject({ code: "BUDGET_EXCEEDED" });
  const gone = await watchOf("http://127.0.0.1:9");
  expect(await ask(gone.watch)).toMatchObject({ status: 503, text: expect.stringContaining("GATEWAY_UNAVAILABLE") });
});
