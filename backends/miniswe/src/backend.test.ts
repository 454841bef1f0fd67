import { toManifest } from "@slipway/backend-sdk/manifest";
import { createTestBench } from "@slipway/backend-sdk/test-kit";
import { expect, test } from "vitest";
import { minisweBackend } from "./backend.ts";
import { failureOf } from "./failure.ts";
import { isTested } from "./release.ts";

/** `tests/agents/miniswe` drives the real one, and `backends/sdk/src/python` tests what it has in common with others. */

test("without a way to a model the turn fails, and without a Python too", async () => {
  await using bench = await createTestBench();
  expect((await bench.runTurn(minisweBackend, { config: {} })).result).toMatchObject({ failure: { code: "GATEWAY_UNAVAILABLE" } });
  const model = { baseUrl: "http://127.0.0.1:9", token: "token-of-this-test" };
  const missing = await bench.runTurn(minisweBackend, { config: {}, model, env: { PATH: "/nonexistent" } });
  expect(missing.result).toMatchObject({ failure: { code: "BACKEND_NOT_INSTALLED", details: { remedy: "slipway backends install miniswe" } } });
});

test("the manifest describes every setting, and an image's packages have exact versions", () => {
  const { configSchema, image } = toManifest(minisweBackend);
  const { properties } = configSchema as { properties: Record<string, { description?: string }> };
  expect(Object.keys(properties).sort()).toEqual(["commandTimeoutSeconds", "model", "provider", "python", "silenceTimeoutSeconds", "stepLimit"]);
  for (const [name, { description }] of Object.entries(properties)) expect(description, name).toBeTruthy();
  for (const name of image.pip ?? []) expect(name).toMatch(/^[\w.-]+==[\w.]+$/);
  expect(image.pip?.length).toBeGreaterThan(20);
});

test.each([
  ["LimitsExceeded", "AGENT_STEP_LIMIT"],
  ["RepeatedFormatError", "BACKEND_FAILED"],
  ["ValueError", "BACKEND_FAILED"],
])("%s is %s", (type, code) => {
  expect(failureOf({ type, message: "why", causes: [] })).toMatchObject({ status: "failed", failure: { code, details: { exitStatus: type } } });
});

test("the tested release is the one that an image has", () => {
  const own = toManifest(minisweBackend).image.pip?.find((name) => /^(mini-swe-agent|openhands-sdk)==/.test(name));
  expect(isTested(own?.split("==")[1] ?? "")).toBe(true);
  expect(isTested("0.1.0")).toBe(false);
});
