import { providerSchema } from "@slipway/protocol/gateway-config";
import { describe, expect, it } from "vitest";
import { type OpenAiApi, planRequest } from "./plan-request.ts";

const provider = (settings: object = {}) => providerSchema.parse({ baseUrl: "http://127.0.0.1:1/v1", ...settings });
const plan = (api: OpenAiApi, request: unknown, settings: object = {}) => planRequest(api, Buffer.from(JSON.stringify(request)), provider(settings));
const sent = (api: OpenAiApi, request: unknown, settings: object = {}) => JSON.parse(plan(api, request, settings).body.toString());

const functionTool = { type: "function", name: "f", parameters: {} };
const custom = { type: "custom", name: "exec" };

describe("rewrites", () => {
  it("leaves the bytes alone where nothing is to be rewritten", () => {
    const text = '{ "model":"m", "seed": 12345678901234567890, "tools":[ {"type":"function","name":"f"} ],"input":"\\u00e9" }\n';
    expect(planRequest("responses", Buffer.from(text), provider()).body.toString()).toBe(text);
  });

  it("takes hosted tools out and leaves those of the agent", () => {
    const tools = [
      functionTool,
      { type: "web_search" },
      custom,
      { type: "local_shell" },
      { type: "apply_patch" },
      { type: "shell" },
      { type: "shell", environment: { type: "local" } },
      { type: "shell", environment: { type: "container_auto" } },
      { type: "mcp", server_url: "https://x" },
      { type: "namespace", name: "a", tools: [functionTool] },
      { type: "namespace", name: "b", tools: [functionTool, { type: "code_interpreter" }] },
      { type: "namespace", name: "c", tools: [{ type: "file_search" }] },
      "nonsense",
    ];
    const planned = plan("responses", { model: "m", tools });
    expect(JSON.parse(planned.body.toString()).tools).toEqual([
      functionTool,
      custom,
      { type: "local_shell" },
      { type: "apply_patch" },
      { type: "shell" },
      { type: "shell", environment: { type: "local" } },
      { type: "namespace", name: "a", tools: [functionTool] },
      { type: "namespace", name: "b", tools: [functionTool] },
    ]);
    expect(planned.removedTools).toEqual(["web_search", "shell", "mcp", "code_interpreter", "file_search", "unknown"]);
  });

  it("leaves hosted tools that the provider allows", () => {
    const tools = [{ type: "web_search_2025_08_26" }, { type: "image_generation" }];
    expect(sent("responses", { model: "m", tools }, { hostedTools: ["web_search*"] }).tools).toEqual([tools[0]]);
  });

  it("takes them out of additional_tools items too", () => {
    const additional = { type: "additional_tools", tools: [{ type: "namespace", name: "functions", tools: [custom] }, { type: "web_search" }] };
    const input = [additional, { type: "message", role: "user", content: "hi" }, { type: "additional_tools", tools: [{ type: "mcp" }] }];
    expect(sent("responses", { model: "m", input }).input).toEqual([{ type: "additional_tools", tools: [additional.tools[0]] }, input[1]]);
  });

  it("asks for the usage of Chat streams, once", () => {
    expect(sent("chat", { model: "m", stream: true }).stream_options).toEqual({ include_usage: true });
    expect(sent("chat", { model: "m", stream: true, stream_options: { include_usage: false, x: 1 } }).stream_options).toEqual({ include_usage: true, x: 1 });
    expect(sent("chat", { model: "m", stream: true, stream_options: null }).stream_options).toEqual({ include_usage: true });
    const asked = '{"model":"m","stream":true,"stream_options":{"include_usage":true}}';
    expect(planRequest("chat", Buffer.from(asked), provider()).body.toString()).toBe(asked);
    expect(sent("chat", { model: "m" })).toEqual({ model: "m" });
    expect(sent("responses", { model: "m", stream: true })).toEqual({ model: "m", stream: true });
  });

  it("takes what speaks of tools out of Chat requests that have none left", () => {
    const request = { model: "m", tools: [{ type: "web_search" }], tool_choice: "auto", parallel_tool_calls: true, web_search_options: {} };
    expect(sent("chat", request)).toEqual({ model: "m" });
    expect(sent("chat", { model: "m", web_search_options: {} }, { hostedTools: ["web_search"] })).toEqual({ model: "m", web_search_options: {} });
  });
});

describe("refusals", () => {
  it.each<[string, OpenAiApi, object, object]>([
    ["another model", "responses", { model: "gpt-4" }, { models: ["gpt-5*"] }],
    ["a model that searches", "chat", { model: "gpt-5-search-api" }, {}],
    ["a demanded hosted tool", "responses", { model: "m", tools: [{ type: "web_search" }], tool_choice: { type: "web_search" } }, {}],
    ["a list of choices with one", "responses", { model: "m", tool_choice: { type: "allowed_tools", mode: "auto", tools: [{ type: "mcp" }] } }, {}],
    ["such a list of Chat", "chat", { model: "m", tool_choice: { type: "allowed_tools", allowed_tools: { tools: [{ type: "mcp" }] } } }, {}],
    ["background", "responses", { model: "m", background: true }, {}],
    ["a kept prompt", "responses", { model: "m", prompt: { id: "p" } }, {}],
    [
      "an image elsewhere",
      "responses",
      { model: "m", input: [{ role: "user", content: [{ type: "input_image", image_url: "https://x.example/?data" }] }] },
      {},
    ],
    ["such an image of Chat", "chat", { model: "m", messages: [{ content: [{ type: "image_url", image_url: { url: "HTTPS://x" } }] }] }, {}],
    ["a file elsewhere", "responses", { model: "m", input: [{ content: [{ type: "input_file", file_url: "https://x" }] }] }, {}],
  ])("%s", (_, api, request, settings) => {
    expect(plan(api, request, settings).refusal).toMatchObject({ code: "MODEL_NOT_ALLOWED", hint: expect.stringContaining("docs/gateway.md") });
  });

  it.each<[string, OpenAiApi, object, object]>([
    ["an allowed model", "responses", { model: "gpt-5.1" }, { models: ["gpt-5*"] }],
    ["a demanded function", "responses", { model: "m", tool_choice: { type: "function", name: "f" } }, {}],
    ["an allowed hosted tool", "responses", { model: "m", tool_choice: { type: "web_search" } }, { hostedTools: ["web_search"] }],
    ["required", "chat", { model: "m", tool_choice: "required" }, {}],
    ["no background", "responses", { model: "m", background: false, prompt: null, store: true, previous_response_id: "r" }, {}],
    ["an image of its own", "responses", { model: "m", input: [{ content: [{ type: "input_image", image_url: "data:image/png;base64,AAAA" }] }] }, {}],
    ["an address in a text", "responses", { model: "m", input: [{ content: [{ type: "input_text", text: '{"image_url":"https://x"}' }] }] }, {}],
    ["an allowed address", "responses", { model: "m", input: [{ image_url: "https://x" }] }, { hostedTools: ["remote_url"] }],
  ])("not %s", (_, api, request, settings) => {
    expect(plan(api, request, settings).refusal).toBeNull();
  });

  it.each([
    ["not JSON", "{"],
    ["no object", "[]"],
    ["no model", "{}"],
    ["an empty model", '{"model":""}'],
    ["two models", '{"model":"a","model":"b"}'],
    ["a model in capitals", '{"model":"a","Model":"b"}'],
    ["a byte order mark", '\ufeff{"model":"a"}'],
  ])("no request of the API: %s", (_, text) => {
    expect(() => planRequest("responses", Buffer.from(text), provider())).toThrow(expect.objectContaining({ code: "INVALID_REQUEST" }));
  });
});

describe("what is reserved", () => {
  it("takes half of the bytes, and images by their number", () => {
    const text = "x".repeat(10_000);
    expect(plan("chat", { model: "m", messages: [{ content: text }] }).inputTokens).toBeGreaterThanOrEqual(5_000);
    const image = `data:image/png;base64,${"A".repeat(1_000_000)}`;
    const tokens = plan("chat", { model: "m", messages: [{ content: [{ type: "image_url", image_url: { url: image } }] }] }).inputTokens;
    expect(tokens).toBeGreaterThanOrEqual(10_000);
    expect(tokens).toBeLessThan(11_000);
  });

  it("adds what the vendor keeps of the conversation", () => {
    expect(plan("responses", { model: "m", previous_response_id: "resp_1" }).inputTokens).toBeGreaterThan(128_000);
  });

  it("reads the answer's limit, for all choices", () => {
    expect(plan("responses", { model: "m", max_output_tokens: 500 }).outputLimit).toBe(500);
    expect(plan("chat", { model: "m", max_completion_tokens: 500, n: 3 }).outputLimit).toBe(1_500);
    expect(plan("chat", { model: "m", max_tokens: 70 }).outputLimit).toBe(70);
    expect(plan("chat", { model: "m", max_tokens: -1 }).outputLimit).toBeNull();
  });
});
