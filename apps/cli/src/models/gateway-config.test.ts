import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { gatewayConfigFile, modelKeyNames, readGatewayConfig } from "./gateway-config.ts";

let data: string;
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), "slipway-models-"));
});
afterEach(async () => {
  delete process.env["SLIPWAY_GATEWAY_CONFIG"];
  await rm(data, { recursive: true });
});

const provider = (key: string) => `providers:\n  own:\n    baseUrl: http://127.0.0.1:9/v1\n    key: ${key}\n`;

test("without a file the defaults hold, and the keys that vendors' tools look for are the gateway's", async () => {
  expect(Object.keys((await readGatewayConfig(data)).providers)).toEqual(["openai", "anthropic", "gemini", "moonshot", "dashscope", "mistral"]);
  expect(await modelKeyNames(data)).toEqual(expect.arrayContaining(["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "DASHSCOPE_API_KEY"]));
});

test("keys that the configuration names are the gateway's too, in the data folder or where SLIPWAY_GATEWAY_CONFIG says", async () => {
  await writeFile(join(data, "gateway.yaml"), provider("HOUSE_KEY"));
  expect(await modelKeyNames(data)).toEqual(expect.arrayContaining(["OPENAI_API_KEY", "HOUSE_KEY"]));
  const other = join(data, "other.yaml");
  await writeFile(other, provider("OTHER_KEY"));
  process.env["SLIPWAY_GATEWAY_CONFIG"] = other;
  expect(gatewayConfigFile(data)).toBe(other);
  expect(await modelKeyNames(data)).toEqual(expect.arrayContaining(["OTHER_KEY"]));
  expect(await modelKeyNames(data)).not.toContain("HOUSE_KEY");
});

test.each([
  ["a wrong key in it", `${provider("HOUSE_KEY")}nonsense: true\n`],
  ["no YAML at all", `${provider('"HOUSE_KEY"')}  - {[\n`],
])("a wrong configuration (%s) gives no key away", async (_, text) => {
  await writeFile(join(data, "gateway.yaml"), text);
  await expect(readGatewayConfig(data)).rejects.toThrow();
  expect(await modelKeyNames(data)).toEqual(expect.arrayContaining(["OPENAI_API_KEY", "HOUSE_KEY"]));
});

test("a file that was named has to be there", async () => {
  process.env["SLIPWAY_GATEWAY_CONFIG"] = join(data, "nowhere.yaml");
  await expect(readGatewayConfig(data)).rejects.toMatchObject({ code: "INVALID_CONFIG", hint: expect.stringContaining("SLIPWAY_GATEWAY_CONFIG") });
  expect(await modelKeyNames(data)).toContain("OPENAI_API_KEY");
});
