import { afterAll, beforeAll, expect, test } from "vitest";
import { type ModelServer, startModelServer } from "./server.ts";

let server: ModelServer;
beforeAll(async () => {
  server = await startModelServer({ scenario: { turns: [{ steps: [{ text: "Hi." }] }] }, key: "key" });
});
afterAll(() => server[Symbol.asyncDispose]());

const DECLARED = { name: "run_shell_command", parameters: { type: "OBJECT", properties: { command: { type: "STRING" } }, required: ["command"] } };
const user = (text: string) => ({ role: "user", parts: [{ text }] });

async function ask(method: string, body: object, headers: Record<string, string> = { "x-goog-api-key": "key" }) {
  const answer = await fetch(`${server.baseUrl}/v1beta/models/gemini-3-pro:${method}`, { method: "POST", headers, body: JSON.stringify(body) });
  return { status: answer.status, text: await answer.text() };
}

const eventsOf = (text: string) =>
  text
    .split("\n\n")
    .filter(Boolean)
    .map((event) => JSON.parse(event.slice("data: ".length)));

test("a stream has text, thoughts and calls, and the usage of all of it in its last event", async () => {
  const usage = { inputTokens: 100, cachedInputTokens: 40, outputTokens: 30, reasoningTokens: 10 };
  server.play({ turns: [{ steps: [{ reasoning: "Hm.", text: "I look.", shell: "ls", usage }, { text: "Done." }] }] });
  const first = await ask("streamGenerateContent?alt=sse", { contents: [user("Look.")], tools: [{ functionDeclarations: [DECLARED] }] });
  const events = eventsOf(first.text);
  const parts = events.flatMap(({ candidates: [{ content }] }) => content.parts);
  expect(parts[0]).toEqual({ text: "Hm.", thought: true });
  expect(
    parts
      .filter(({ thought }) => !thought)
      .map(({ text = "" }) => text)
      .join(""),
  ).toBe("I look.");
  const { functionCall } = parts.find((part) => part.functionCall);
  expect(functionCall).toMatchObject({ name: "run_shell_command", args: { command: "ls" } });
  expect(events.at(-1)).toMatchObject({
    candidates: [{ finishReason: "STOP" }],
    usageMetadata: { promptTokenCount: 100, cachedContentTokenCount: 40, candidatesTokenCount: 20, thoughtsTokenCount: 10, totalTokenCount: 130 },
  });

  const result = { role: "user", parts: [{ functionResponse: { id: functionCall.id, name: "run_shell_command", response: { output: "a b" } } }] };
  const second = await ask("generateContent", { contents: [user("Look."), { role: "model", parts: [{ functionCall }] }, result] });
  expect(JSON.parse(second.text)).toMatchObject({ candidates: [{ content: { parts: [{ text: "Done." }] }, finishReason: "STOP" }] });
  expect(server.requests.all.at(-1)?.model).toMatchObject({
    step: 1,
    prompt: "Look.",
    toolResults: ['{"output":"a b"}'],
    isStream: false,
    model: "gemini-3-pro",
  });
});

test("a side call gets JSON of the form that it wants, and tokens are counted", async () => {
  const schema = { type: "OBJECT", properties: { choice: { type: "STRING", enum: ["flash", "pro"] }, sure: { type: "BOOLEAN" } } };
  const routed = await ask("generateContent", { contents: [user("Which?")], generationConfig: { responseSchema: schema } });
  expect(JSON.parse(JSON.parse(routed.text).candidates[0].content.parts[0].text)).toEqual({ choice: "flash", sure: false });
  const counted = await ask("countTokens", { contents: [user("How many?")] });
  expect(JSON.parse(counted.text)).toEqual({ totalTokens: expect.any(Number) });
});

test("errors are in Google's words", async () => {
  expect(await ask("generateContent", { contents: [user("Hi")] }, {})).toMatchObject({ status: 401, text: expect.stringContaining("UNAUTHENTICATED") });
  server.play({ turns: [{ steps: [{ error: { meaning: "quota", retryAfterSeconds: 3 } }] }] });
  const refused = await ask("streamGenerateContent?alt=sse", { contents: [user("Hi")] });
  expect(refused.status).toBe(429);
  expect(JSON.parse(refused.text)).toMatchObject({
    error: { code: 429, status: "RESOURCE_EXHAUSTED", details: [{ violations: [{ quotaId: expect.stringContaining("PerDay") }] }, {}] },
  });
});
