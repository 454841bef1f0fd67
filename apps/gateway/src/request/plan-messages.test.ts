import { providerSchema } from "@slipway/protocol/gateway-config";
import { describe, expect, it } from "vitest";
import { planCount, planMessages } from "./plan-messages.ts";

const provider = (settings: object = {}) => providerSchema.parse({ protocol: "anthropic", baseUrl: "http://127.0.0.1:1/v1", ...settings });
const request = (more: object = {}) => ({ model: "claude", max_tokens: 500, messages: [{ role: "user", content: "hi" }], ...more });
const plan = (more: object = {}, settings: object = {}) => planMessages(Buffer.from(JSON.stringify(request(more))), provider(settings));
const sent = (more: object = {}, settings: object = {}) => JSON.parse(plan(more, settings).body.toString()) as Record<string, unknown>;

const own = { name: "Edit", description: "edits", input_schema: { type: "object" } };
const clientTools = [
  own,
  { ...own, type: "custom" },
  { type: "bash_20250124", name: "bash" },
  { type: "text_editor_20250728", name: "str_replace_based_edit_tool" },
  { type: "computer_20251124", name: "computer" },
  { type: "memory_20250818", name: "memory" },
  { type: "tool_search_tool_regex_20251119", name: "tool_search_tool_regex" },
];
const hosted = [
  { type: "web_search_20250305", name: "web_search" },
  { type: "web_fetch_20250910", name: "web_fetch" },
  { type: "code_execution_20250825", name: "code_execution" },
  { type: "mcp_toolset", mcp_server_name: "x" },
  { type: "of_tomorrow_20270101", name: "of_tomorrow" },
];

describe("rewrites", () => {
  it("leaves the bytes alone where nothing is to be rewritten", () => {
    const text = '{ "model":"claude", "max_tokens": 5, "messages": [ {"role":"user","content":"\\u00e9"} ], "tools":[] , "x": 12345678901234567890 }\n';
    expect(planMessages(Buffer.from(text), provider()).body.toString()).toBe(text);
  });

  it("takes hosted tools out and leaves those of the agent", () => {
    const planned = plan({ tools: [...clientTools, ...hosted], tool_choice: { type: "auto" } });
    expect(JSON.parse(planned.body.toString())).toMatchObject({ tools: clientTools, tool_choice: { type: "auto" } });
    expect(planned.removedTools).toEqual(hosted.map(({ type }) => type));
  });

  it("leaves those that the provider allows, with their date or without", () => {
    expect(sent({ tools: hosted }, { hostedTools: ["web_search", "mcp", "code_execution_2025*"] })["tools"]).toEqual([hosted[0], hosted[2], hosted[3]]);
  });

  it("takes servers and containers out, and the choice where no tool is left", () => {
    const more = { tools: [hosted[0]], tool_choice: { type: "any" }, mcp_servers: [{ type: "url", url: "https://x" }], container: "container_1" };
    expect(sent(more)).toEqual(request());
    expect(sent({ mcp_servers: [], container: "c" }, { hostedTools: ["mcp", "code_execution"] })).toMatchObject({ mcp_servers: [], container: "c" });
  });
});

describe("refusals", () => {
  const image = (source: object) => ({ messages: [{ role: "user", content: [{ type: "image", source }] }] });
  it.each<[string, object, object]>([
    ["another model", { model: "gpt" }, { models: ["claude*"] }],
    ["a demanded hosted tool", { tools: [own, hosted[0]], tool_choice: { type: "tool", name: "web_search" } }, {}],
    ["an image elsewhere", image({ type: "url", url: "https://x.example/?data" }), {}],
    [
      "a document elsewhere, in a tool's result",
      { messages: [{ role: "user", content: [{ type: "tool_result", content: [{ type: "document", source: { type: "url", url: "https://x" } }] }] }] },
      {},
    ],
  ])("%s", (_, more, settings) => {
    expect(plan(more, settings).refusal).toMatchObject({ code: "MODEL_NOT_ALLOWED", hint: expect.stringContaining("docs/gateway.md") });
  });

  it.each<[string, object, object]>([
    ["a demanded tool of the agent", { tools: [own], tool_choice: { type: "tool", name: "Edit" } }, {}],
    ["an image of its own", image({ type: "base64", media_type: "image/png", data: "AAAA" }), {}],
    ["an allowed address", image({ type: "url", url: "https://x" }), { hostedTools: ["remote_url"] }],
    ["an address in a text", { messages: [{ role: "user", content: '{"source":{"type":"url","url":"https://x"}}' }] }, {}],
  ])("not %s", (_, more, settings) => expect(plan(more, settings).refusal).toBeNull());

  it.each([
    ["not JSON", "{"],
    ["no model", "{}"],
    ["two models", '{"model":"a","model":"b"}'],
    ["a model in capitals", '{"model":"a","Model":"b"}'],
  ])("no request of the API: %s", (_, text) => {
    expect(() => planMessages(Buffer.from(text), provider())).toThrow(expect.objectContaining({ code: "INVALID_REQUEST" }));
  });
});

describe("what is reserved", () => {
  it("takes half of the bytes, images by their number and kept files by a bound; the answer's limit as it stands", () => {
    const data = "A".repeat(1_000_000);
    const picture = { type: "image", source: { type: "base64", media_type: "image/png", data } };
    const planned = plan({ messages: [{ role: "user", content: [picture, { type: "text", text: "x".repeat(10_000) }] }] });
    expect(planned.inputTokens).toBeGreaterThanOrEqual(15_000);
    expect(planned.inputTokens).toBeLessThan(16_000);
    expect(planned.outputLimit).toBe(500);
    expect(plan({ messages: [{ role: "user", content: [{ type: "document", source: { type: "file", file_id: "f" } }] }] }).inputTokens).toBeGreaterThan(
      128_000,
    );
  });

  it("knows what is dearer: the fast mode, and an hour in the cache", () => {
    expect(plan()).toMatchObject({ tier: undefined, writesLongCache: false });
    const system = [{ type: "text", text: "s", cache_control: { type: "ephemeral", ttl: "1h" } }];
    expect(plan({ speed: "fast", system })).toMatchObject({ tier: "fast", writesLongCache: true });
  });

  it("is nothing for a count of tokens, which is held to the same lists", () => {
    expect(planCount(Buffer.from(JSON.stringify(request())), provider())).toMatchObject({ isFree: true, stream: false, refusal: null });
    expect(planCount(Buffer.from(JSON.stringify(request())), provider({ models: ["x"] })).refusal).toMatchObject({ code: "MODEL_NOT_ALLOWED" });
  });
});
