import { CONTRACT_VERSION } from "@slipway/protocol/manifest";
import { expect, test } from "vitest";
import { z } from "zod";
import type { BackendDefinition } from "./backend.ts";
import { parseBackendConfig } from "./config.ts";
import { conformanceCases } from "./conformance.ts";
import { defineBackend } from "./define-backend.ts";
import { toManifest } from "./manifest.ts";
import { abortedTurn, failedTurn } from "./turn-result.ts";

const config = z.strictObject({ model: z.string(), waitMs: z.int().default(0), plans: z.array(z.strictObject({ name: z.string() })).default([]) });

const echo: BackendDefinition<typeof config> = {
  name: "echo",
  version: "1.0.0",
  summary: "Says the prompt.",
  capabilities: { resume: false, usage: false, plan: false, model: false },
  config,
  secrets: [{ name: "ECHO_KEY", required: false, hint: "Anything." }],
  async probe() {
    return { ok: true, tried: "nothing", found: "nothing" };
  },
  async turn({ prompt, config: { model, waitMs }, emit, signal }) {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, waitMs);
      signal.addEventListener("abort", () => resolve(clearTimeout(timer)), { once: true });
      if (signal.aborted) resolve(clearTimeout(timer));
    });
    if (signal.aborted) return abortedTurn(signal);
    if (model === "broken") return failedTurn("BACKEND_AUTH", "No key.");
    emit({ kind: "message", data: { role: "agent", text: prompt } });
    return { status: "done", finalText: prompt };
  },
};

const cases = conformanceCases(defineBackend(echo), {
  ok: { config: { model: "a" }, prompt: "hello" },
  endless: { config: { model: "a", waitMs: 600_000 } },
  failing: { config: { model: "broken" }, code: "BACKEND_AUTH" },
  wrongConfigs: [
    { config: {}, field: "model" },
    { config: { model: "a", waitMs: "soon" }, field: "waitMs" },
    { config: { model: "a", plans: [{ name: "x" }, { name: 1 }] }, field: "plans[1].name" },
    { config: { model: "a", modle: "b" }, field: "modle" },
  ],
});
for (const { name, run } of cases) test(name, run);

test("the manifest tells the schema of what people write", () => {
  const manifest = toManifest(echo);
  expect(manifest.configSchema).toMatchObject({ type: "object", required: ["model"], properties: { waitMs: { default: 0 } }, additionalProperties: false });
  expect(manifest.image).toEqual({ npm: [], apt: [] });
});

test.each([
  [{ name: "Echo!" }, "name"],
  [{ version: "" }, "version"],
  [{ summary: "" }, "summary"],
  [{ secrets: [{ name: "lower", required: true, hint: "" }] }, "secrets[0].name"],
  [{ secrets: [echo.secrets, echo.secrets].flat() }, "secrets[1].name"],
] as Array<[Partial<typeof echo>, string]>)("a wrong definition %j names %s", (change, field) => {
  expect(() => defineBackend({ ...echo, ...change })).toThrow(expect.objectContaining({ code: "INVALID_CONFIG", details: expect.objectContaining({ field }) }));
});

test("defaults are filled in", () => {
  expect(parseBackendConfig(echo, { model: "a" })).toEqual({ model: "a", waitMs: 0, plans: [] });
});

test("a definition carries the contract of its SDK, and what it leaves out is false or none", () => {
  const manifest = toManifest(defineBackend({ ...echo, release: { package: "echo-agent", version: "1.2.3" } }));
  expect(manifest).toMatchObject({ contractVersion: CONTRACT_VERSION, release: { registry: "npm", package: "echo-agent", version: "1.2.3" } });
  expect(manifest.capabilities).toMatchObject({ steer: false, readOnly: false, images: false, mcp: false, permissions: false, network: [] });
  // Written before the SDK told its version.
  expect(toManifest(echo).contractVersion).toBe(1);
});

test.each([
  [{ capabilities: { ...echo.capabilities, network: ["https://example.com"] } }, "capabilities.network[0]"],
  [{ release: { package: "echo-agent", version: "" } }, "release.version"],
] as Array<[Partial<typeof echo>, string]>)("a wrong addition %j names %s", (change, field) => {
  expect(() => defineBackend({ ...echo, ...change })).toThrow(expect.objectContaining({ details: expect.objectContaining({ field }) }));
});

test("no backend is called auto, which leaves the choice to the server", () => {
  const problem = /^The definition of backend "auto" is wrong: name: expected another name: a job that names `auto` leaves the choice to the server\.$/;
  expect(() => defineBackend({ ...echo, name: "auto" })).toThrow(problem);
});
