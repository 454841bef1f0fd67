import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SlipwayError } from "@slipway/protocol/errors";
import { afterEach, beforeEach, expect, test } from "vitest";
import { configPlace, LiveConfig, readConfig } from "./config-file.ts";

const DEFAULTS = ["openai", "anthropic", "gemini", "moonshot", "dashscope", "mistral"];

let data: string;

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), "slipway-config-"));
});
afterEach(() => rm(data, { recursive: true }));

test("no file gives the defaults, but a named file must be there", () => {
  expect(readConfig(configPlace(data, {})).config.providers["openai"]?.key).toBe("OPENAI_API_KEY");
  const place = configPlace(data, { SLIPWAY_GATEWAY_CONFIG: join(data, "other.yaml") });
  expect(() => readConfig(place)).toThrow(expect.objectContaining({ code: "INVALID_CONFIG", message: expect.stringContaining("other.yaml") }));
});

test("a change is taken up within a second; a broken file is told once and changes nothing", async () => {
  const broken: SlipwayError[] = [];
  const changes: string[][] = [];
  const live = new LiveConfig(configPlace(data, {}), {
    onChange: (config) => changes.push(Object.keys(config.providers)),
    onBroken: (error) => broken.push(error),
  });
  const at = performance.now();
  await writeFile(join(data, "gateway.yaml"), "providers:\n  local: {baseUrl: 'http://127.0.0.1:1/v1'}\n");
  expect(Object.keys(live.current(at + 500).providers)).toEqual(DEFAULTS);
  expect(Object.keys(live.current(at + 1_500).providers)).toEqual(["local"]);
  await writeFile(join(data, "gateway.yaml"), "provider: nothing\n");
  for (const later of [3_000, 5_000, 7_000]) expect(Object.keys(live.current(at + later).providers)).toEqual(["local"]);
  expect(broken.map(({ code, details }) => [code, details["key"]])).toEqual([["INVALID_CONFIG", "provider"]]);
  await rm(join(data, "gateway.yaml"));
  expect(Object.keys(live.current(at + 9_000).providers)).toEqual(DEFAULTS);
  expect(changes).toEqual([DEFAULTS, ["local"], DEFAULTS]);
});
