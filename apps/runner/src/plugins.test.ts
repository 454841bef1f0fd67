import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { BackendList } from "@slipway/protocol/manifest";
import { expect, test } from "vitest";
import { type PluginPackage, parrot, pluginFolder } from "../../../tests/support/plugin-folder.ts";
import { readPlugins } from "./plugins.ts";

const MAIN = join(import.meta.dirname, "main.ts");

/** What a person gets who asks the runner; its words on standard error beside. */
async function ask<T = Array<Record<string, unknown>>>(command: string, folder: string): Promise<{ answer: T; stderr: string }> {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [MAIN, command], { env: { ...process.env, SLIPWAY_BACKENDS: folder } });
  return { answer: JSON.parse(stdout), stderr };
}

/** A package with one module. */
function one(name: string, source: string, contract?: number): PluginPackage {
  return { backends: { [name]: "./backend.js" }, files: { "backend.js": source }, ...(contract === undefined ? {} : { contract }) };
}

const BROKEN = one("broken", 'throw new Error("no wings")');
const SHIPPED = ["codex", "script"];

test("`runner describe` and `probe` tell of the backends of others; a broken one spoils nothing but itself", async () => {
  await using plugins = await pluginFolder({
    "slipway-backend-parrot": { backends: { parrot: "./dist/backend.js" }, files: { "dist/backend.js": parrot("parrot") } },
    broken: BROKEN,
    "left-pad": {},
  });
  const described = await ask("describe", plugins.path);
  expect(described.answer.map(({ name }) => name)).toEqual(expect.arrayContaining(["parrot", ...SHIPPED]));
  expect(described.answer.map(({ name }) => name)).not.toContain("broken");
  expect(described.answer.find(({ name }) => name === "parrot")).toMatchObject({
    contractVersion: 1,
    summary: "Says it again.",
    configSchema: { properties: { loud: { default: false } } },
  });
  expect(described.stderr).toMatch(/the backend broken \(package broken\) cannot be loaded: .*backend\.js: it throws while it is loaded: no wings/);
  const probed = await ask("probe", plugins.path);
  expect(probed.answer).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        ...{ backend: "broken", ok: false, tried: expect.stringContaining("backend.js of the package broken"), remedy: expect.any(String) },
        found: "it throws while it is loaded: no wings",
      }),
      // Whether it is ok is this machine's business.
      expect.objectContaining({ backend: "codex", tried: "codex --version" }),
      expect.objectContaining({ backend: "parrot", ok: true }),
      expect.objectContaining({ backend: "script", ok: true }),
    ]),
  );
});

test("each way to be broken is told with package, file, what was expected and what to do, and the sound ones are there", { timeout: 60_000 }, async () => {
  const sound = parrot("sound");
  await using plugins = await pluginFolder({
    a: one("first", parrot("first")),
    automatic: one("auto", parrot("auto")),
    b: one("first", parrot("first")),
    bare: { files: { "package.json": '{ "slipway": { "backends": { "bare": "no/dot.js" } } }' } },
    exports: one("exports", "export const answer = 42;"),
    faulty: one("faulty", `${parrot("faulty").replace('summary: "Says it again."', "summary: 42")}`),
    future: one("future", `${parrot("future").replace("export const backend", "const made")} export const backend = { ...made, contractVersion: 7 };`),
    garbled: { files: { "package.json": "{" } },
    impostor: one("script", parrot("script")),
    lacking: one("lacking", 'import "nowhere-to-be-found";'),
    later: one("later", "nothing that could be loaded {{{", 2),
    missing: { backends: { missing: "./dist/backend.js" } },
    sound: one("sound", sound),
    stray: one("stray", `${parrot("stray")}; setTimeout(() => { throw new Error("a stray error"); }, 1);`),
    syntax: one("syntax", "export const = 1;"),
    throwing: BROKEN,
    typed: { backends: { typed: "./backend.ts" }, files: { "backend.ts": "export const a: number = 1;" } },
    uninstalled: {},
  });
  await rm(join(plugins.path, "node_modules/uninstalled"), { recursive: true });
  const { answer } = await ask<BackendList>("backends", plugins.path);
  const names = answer.manifests.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(["first", "sound", "stray", ...SHIPPED]));
  const told = Object.fromEntries(answer.broken.map((one) => [one.package, one]));
  const words: Record<string, [problem: RegExp, remedy: RegExp]> = {
    automatic: [/no backend may be called auto/, /another name/],
    b: [/first is brought by a already/, /npm uninstall b/],
    bare: [/slipway\.backends\.bare/, /Mend .*package\.json/],
    exports: [/exports no backend called exports/, /defineBackend\(\{ name: "exports"/],
    faulty: [/summary/, /another release of faulty/],
    future: [/version 7 of the contract/, /Update Slipway/],
    garbled: [/JSON/, /Mend .*package\.json/],
    impostor: [/script is brought by Slipway itself/, /another name/],
    lacking: [/nowhere-to-be-found/, /npm install/],
    later: [/version 2 of the contract/, /Update Slipway/],
    missing: [/no such file/, /npm run build/],
    syntax: [/no JavaScript.*backend\.js:1/, /another release of syntax/],
    throwing: [/no wings/, /another release of throwing/],
    typed: [/ype stripping|TypeScript|types/i, /compiled JavaScript/],
    uninstalled: [/not installed/, /npm install/],
  };
  expect(Object.keys(told).sort()).toEqual(Object.keys(words).sort());
  for (const [name, [problem, remedy]] of Object.entries(words)) {
    expect(told[name], name).toMatchObject({ problem: expect.stringMatching(problem), remedy: expect.stringMatching(remedy) });
    expect(told[name]?.file, name).toContain(join("node_modules", name));
    expect(told[name]?.expected, name).not.toBe("");
  }
});

test("a shipped backend cannot be replaced", async () => {
  await using plugins = await pluginFolder({ impostor: one("script", parrot("script")) });
  const { answer } = await ask("describe", plugins.path);
  expect(answer.filter(({ name }) => name === "script")).toMatchObject([{ summary: expect.stringContaining("scripted") }]);
});

test("a folder that is no npm project is refused with what to do; one that is a plugin itself brings its own backends", async () => {
  await using empty = await pluginFolder({});
  expect(() => readPlugins(join(empty.path, "nowhere"))).toThrow(
    expect.objectContaining({ code: "INVALID_CONFIG", message: expect.stringContaining("ENOENT"), hint: expect.stringContaining("npm install") }),
  );
  expect(readPlugins(empty.path)).toMatchObject({ loaders: new Map(), broken: [] });
  await using own = await pluginFolder({ own: one("own", parrot("own")) });
  const itself = readPlugins(join(own.path, "node_modules/own"));
  expect([...itself.loaders.keys()]).toEqual(["own"]);
});
