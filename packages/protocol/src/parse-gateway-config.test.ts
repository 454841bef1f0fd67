import { describe, expect, it } from "vitest";
import { SlipwayError } from "./errors.ts";
import { keyNames } from "./gateway-config.ts";
import { parseGatewayConfig } from "./parse-gateway-config.ts";

function refusal(text: string): SlipwayError {
  try {
    parseGatewayConfig(text);
  } catch (error) {
    if (error instanceof SlipwayError) return error;
    throw error;
  }
  throw new Error("the configuration was accepted");
}

describe("parseGatewayConfig", () => {
  it("fills in the defaults of an empty file", () => {
    const config = parseGatewayConfig("# nothing\n");
    expect(config.prices).toEqual({});
    expect(config.providers["openai"]).toEqual({
      protocol: "openai",
      baseUrl: "https://api.openai.com/v1",
      key: "OPENAI_API_KEY",
      moreKeys: [],
      models: ["*"],
      hostedTools: [],
      headersTimeoutSeconds: 180,
      silenceTimeoutSeconds: 180,
    });
    expect(Object.keys(config.providers)).toEqual(["openai", "anthropic", "gemini", "moonshot", "dashscope", "mistral"]);
    expect(keyNames(config)).toEqual(["OPENAI", "ANTHROPIC", "GEMINI", "MOONSHOT", "DASHSCOPE", "MISTRAL"].map((vendor) => `${vendor}_API_KEY`));
  });

  it("replaces the default providers by those of the file, and fills in their defaults", () => {
    const config = parseGatewayConfig(
      "providers:\n  local:\n    baseUrl: http://127.0.0.1:8000/v1\n    models: [qwen*]\nprices:\n  qwen*: {input: 0, output: 0}\n",
    );
    expect(Object.keys(config.providers)).toEqual(["local"]);
    expect(config.providers["local"]).toMatchObject({ key: null, models: ["qwen*"], silenceTimeoutSeconds: 180 });
    expect(config.prices).toEqual({ "qwen*": { input: 0, output: 0 } });
  });

  it.each([
    ["provider: {}\n", { line: 1, column: 1, key: "provider", expected: "one of version, providers, prices, and no other key (did you mean providers?)" }],
    [
      "providers:\n  openai:\n    baseUrl: https://api.openai.com/v1\n    apiKey: sk-1\n",
      {
        line: 4,
        column: 5,
        key: "providers.openai.apiKey",
        expected:
          "one of protocol, baseUrl, key, moreKeys, keyConcurrency, keyRequestsPerMinute, models, hostedTools, headersTimeoutSeconds, silenceTimeoutSeconds, and no other key",
      },
    ],
    ["prices:\n  gpt-x:\n    input: 1\n    ouput: 2\n    output: 2\n", { line: 4, column: 5, key: "prices.gpt-x.ouput" }],
    [
      "providers:\n  Open AI:\n    baseUrl: https://a.example/v1\n",
      { line: 2, column: 3, key: "providers.Open AI", value: '"Open AI"', expected: "a name with lower-case letters, digits and . _ : -, at most 64" },
    ],
    [
      "providers:\n  a:\n    baseUrl: ftp://a.example\n",
      { line: 3, column: 14, key: "providers.a.baseUrl", expected: "an address that begins with http:// or https://" },
    ],
    ["providers:\n  a: {}\n", { line: 2, column: 6, key: "providers.a.baseUrl", value: null, expected: "a text" }],
    [
      "providers:\n  a: {baseUrl: 'https://a.example', key: sk-123}\n",
      { line: 2, key: "providers.a.key", expected: "capital letters, digits and _, at most 64" },
    ],
    ["prices:\n  a: {input: -1, output: 1}\n", { key: "prices.a.input", expected: "at least 0" }],
  ])("refuses %j", (text, details) => {
    const error = refusal(text);
    expect(error.code).toBe("INVALID_CONFIG");
    expect(error.details).toMatchObject({ file: "gateway.yaml", ...details });
    expect(error.hint).toContain("reads the file again");
  });
});
