import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { type PluginPackage, parrot, pluginFolder } from "../../../tests/support/plugin-folder.ts";
import { readPlugins } from "./plugins.ts";

const MAIN = join(import.meta.dirname, "main.ts");

/** What a person gets who asks the runner; its words on standard error beside. */
async function ask(command: string, folder: string): Promise<{ answer: Array<Record<string, unknown>>; stderr: string }> {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [MAIN, command], { env: { ...process.env, SLIPWAY_BACKENDS: folder } });
  return { answer: JSON.parse(stdout), stderr };
}

const BROKEN: PluginPackage = { backends: { broken: "./backend.js" }, files: { "backend.js": 'throw new Error("no wings")' } };

test("`runner describe` and `probe` tell of the backends of others; a broken one spoils nothing but itself", async () => {
  await using plugins = await pluginFolder({
    "slipway-backend-parrot": { backends: { parrot: "./dist/backend.js" }, files: { "dist/backend.js": parrot("parrot") } },
    broken: BROKEN,
    "left-pad": {},
  });
  const described = await ask("describe", plugins.path);
  expect(described.answer.map(({ name }) => name)).toEqual(["codex", "parrot", "script"]);
  expect(described.answer[1]).toMatchObject({ summary: "Says it again.", configSchema: { properties: { loud: { default: false } } } });
  expect(described.stderr).toContain("the backend broken cannot be loaded: no wings");
  const probed = await ask("probe", plugins.path);
  expect(probed.answer).toMatchObject([
    { backend: "broken", ok: false, found: "no wings" },
    // Whether it is ok is this machine's business.
    { backend: "codex", tried: "codex --version" },
    { backend: "parrot", ok: true },
    { backend: "script", ok: true },
  ]);
});

test("a shipped backend cannot be replaced", async () => {
  await using plugins = await pluginFolder({ impostor: { backends: { script: "./backend.js" }, files: { "backend.js": parrot("script") } } });
  const { answer } = await ask("describe", plugins.path);
  expect(answer.filter(({ name }) => name === "script")).toMatchObject([{ summary: expect.stringContaining("scripted") }]);
});

test("a folder that is no such project, or whose packages are at odds, is refused with what to do", async () => {
  await using twice = await pluginFolder({ one: BROKEN, two: BROKEN });
  await using odd = await pluginFolder({ odd: { backends: { "No Name": "./a.js" } } });
  await using missing = await pluginFolder({});
  const refusal = (words: RegExp) =>
    expect.objectContaining({ code: "INVALID_CONFIG", message: expect.stringMatching(words), hint: expect.stringContaining("npm install") });
  expect(() => readPlugins(twice.path)).toThrow(refusal(/two packages.*broken/));
  expect(() => readPlugins(odd.path)).toThrow(refusal(/slipway\.backends/));
  expect(() => readPlugins(join(missing.path, "nowhere"))).toThrow(refusal(/ENOENT/));
  expect(readPlugins(missing.path).size).toBe(0);
});
