import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type PluginFolder, parrot, pluginFolder } from "../support/plugin-folder.ts";
import { Playground, type Watched } from "./slipway.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const NO_SANDBOX = ["--sandbox", "none"];
const DEED = `turn: async ({ workspace, prompt }) => {
  const { writeFileSync } = await import("node:fs");
  writeFileSync(workspace + "/said", prompt);
  return { status: "done", finalText: prompt };
},`;

let plugins: PluginFolder;
let ground: Playground;
let up: Watched;

beforeAll(async () => {
  plugins = await pluginFolder({
    "slipway-backend-broken": { backends: { broken: "./backend.js" }, files: { "backend.js": 'throw new Error("no wings")' } },
    "slipway-backend-sound": { backends: { sound: "./backend.js" }, files: { "backend.js": parrot("sound").replace(/turn: async[\s\S]*?\}\),/, DEED) } },
  });
  ground = (await Playground.make()).with({ SLIPWAY_BACKENDS: plugins.path });
  up = ground.start(ground.folder, "up", "--port", "0", ...NO_SANDBOX);
  await up.says("slipway jobs");
});
afterAll(async () => {
  await ground[Symbol.asyncDispose]();
  await plugins[Symbol.asyncDispose]();
});

test("a plugin that cannot be loaded is told by doctor and backends, with what to do, beside the sound ones", async () => {
  const told = { name: "broken", package: "slipway-backend-broken", file: expect.stringContaining("backend.js"), problem: expect.stringContaining("no wings") };
  const listed = await ground.slipway(ground.folder, "backends", "--json");
  expect(JSON.parse(listed.stdout)).toMatchObject({
    broken: [{ ...told, expected: expect.stringContaining("defineBackend"), remedy: expect.stringContaining("Mend") }],
    backends: expect.arrayContaining([
      expect.objectContaining({ name: "script", installed: expect.objectContaining({ ok: true }) }),
      expect.objectContaining({ name: "sound", installed: expect.objectContaining({ ok: true }), capabilities: expect.objectContaining({ mcp: false }) }),
    ]),
  });
  expect((await ground.slipway(ground.folder, "backends")).stdout.replaceAll(/\s+/g, " ")).toContain(
    "broken: cannot be loaded (package slipway-backend-broken)",
  );
  for (const part of [[], ["worker"]]) {
    const { checks } = JSON.parse((await ground.slipway(ground.folder, "doctor", ...part, "--json", ...NO_SANDBOX)).stdout);
    const named = (name: string): unknown => checks.filter((one: { group: string; name: string }) => one.group === "backends" && one.name === name);
    expect(named("broken")).toMatchObject([
      { ok: false, required: false, tried: expect.stringContaining("slipway-backend-broken"), remedy: expect.any(String) },
    ]);
    expect(named("sound")).toMatchObject([{ ok: true }]);
  }
});

test("a job that names it is refused with the reason; one with a sound plugin lands", async () => {
  const root = await ground.repository("plugins");
  const refused = await ground.slipway(root, "run", "hello", "--backend", "broken");
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toMatch(/^error BACKEND_BROKEN: .*broken.*slipway-backend-broken.*backend\.js.*no wings/m);
  const run = await ground.slipway(root, "run", "hello", "--backend", "sound", "--json");
  expect(run.code, run.stderr).toBe(0);
});
