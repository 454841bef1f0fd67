import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type NpmRegistry, startNpmRegistry } from "../support/npm-registry.ts";
import { type PluginFolder, pluginFolder } from "../support/plugin-folder.ts";
import { git } from "../support/repository.ts";
import { Playground } from "./slipway.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

/** A backend whose agent is a program of a package, which it looks for on PATH. */
const backend = (name: string, packageName: string, image = `npm: ["${packageName}@1.0.0"]`): string => `
  import { execFile } from "node:child_process";
  import { promisify } from "node:util";
  import { defineBackend } from "@slipway/backend-sdk/define-backend";
  import { z } from "zod";
  const run = promisify(execFile);
  export const backend = defineBackend({
    name: "${name}",
    version: "1.0.0",
    summary: "Runs a program of a package.",
    capabilities: { resume: false, usage: false, plan: false, model: false },
    config: z.strictObject({}),
    secrets: [],
    image: { ${image} },
    release: { package: "${packageName}", version: "1.0.0" },
    async probe({ env, signal }) {
      try {
        const { stdout } = await run("${packageName}", ["--version"], { env, signal });
        return { ok: true, tried: "--version", found: stdout.trim() };
      } catch (error) {
        return { ok: false, tried: "--version", found: "no ${packageName} on PATH", remedy: "slipway backends install ${name}" };
      }
    },
    async turn({ env, workspace, prompt }) {
      const { stdout } = await run("${packageName}", [prompt], { cwd: workspace, env });
      return { status: "done", finalText: stdout };
    },
  });`;
const PROGRAM = '#!/bin/sh\n[ "$1" = --version ] && echo tiny 1.0.0 || { echo "$1" >said.txt; echo "I said it"; }\n';

/** What pip 23 prints, in its words, where a release wants a newer Python than the one that it is run by; all else of that Python is not asked for. */
const OLD_PYTHON = `#!/bin/sh
case "$*" in
  --version) echo Python 3.11.7 ;;
  "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  *)
    echo "ERROR: Ignored the following versions that require a different python version: 0.9.0 Requires-Python >=3.10; 1.0.0 Requires-Python >=3.12" >&2
    echo "ERROR: Could not find a version that satisfies the requirement snake-agent==1.0.0 (from versions: 0.0.0)" >&2
    echo "ERROR: No matching distribution found for snake-agent==1.0.0" >&2
    exit 1 ;;
esac
`;

let registry: NpmRegistry;
let plugins: PluginFolder;
let ground: Playground;

beforeAll(async () => {
  registry = await startNpmRegistry("tiny-agent", PROGRAM);
  plugins = await pluginFolder({
    "slipway-backend-tiny": { backends: { tiny: "./backend.js" }, files: { "backend.js": backend("tiny", "tiny-agent") } },
    "slipway-backend-gone": { backends: { gone: "./backend.js" }, files: { "backend.js": backend("gone", "agent-that-nobody-has") } },
    "slipway-backend-snake": {
      backends: { snake: "./backend.js" },
      files: { "backend.js": backend("snake", "snake-agent", 'pip: ["other==2.0.0", "snake-agent==1.0.0"]') },
    },
  });
  ground = (await Playground.make()).with({ SLIPWAY_BACKENDS: plugins.path, npm_config_registry: registry.address, npm_config_fetch_retries: "0" });
});
afterAll(async () => {
  await ground[Symbol.asyncDispose]();
  await plugins[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

test("an agent is installed for the workers of a data folder, whose jobs find it; gates do not", async () => {
  const before = await ground.slipway(ground.folder, "backends");
  expect(before.stdout).toMatch(/^agents: not on this machine: [\s\S]*tiny/m);
  const installed = await ground.slipway(ground.folder, "backends", "install", "tiny", "--json");
  expect(installed.code, installed.stdout + installed.stderr).toBe(0);
  const folder = join(ground.data, "agents/tiny-agent@1.0.0");
  expect(JSON.parse(installed.stdout)).toMatchObject({ backend: "tiny", folder, programs: ["tiny-agent"], wasThere: false, ok: true, found: "tiny 1.0.0" });
  const again = await ground.slipway(ground.folder, "backends", "install", "tiny");
  expect(again.stdout).toContain(`tiny-agent@1.0.0 here already: ${folder}`);

  const gate = "{ name: alone, run: '! command -v tiny-agent' }";
  const root = await ground.repository("installed", { ".slipway.yaml": `version: 1\ngates:\n  - ${gate}\n` });
  const run = await ground.slipway(root, "run", "hello", "--backend", "tiny", ...(await ground.sandbox()));
  expect(run.code, run.stdout + run.stderr).toBe(0);
  const [branch = ""] = (await git(root, "for-each-ref", "--format=%(refname)", "refs/heads/slipway")).split("\n");
  expect(await git(root, "show", `${branch}:said.txt`)).toBe("hello");
});

test("what no registry has, a backend that is not there, and one without a package are told apart", async () => {
  const gone = await ground.slipway(ground.folder, "backends", "install", "gone");
  expect(gone.code).not.toBe(0);
  expect(gone.stderr).toMatch(/^error AGENT_INSTALL_FAILED: agent-that-nobody-has@1\.0\.0 cannot be installed: npm ended with 1/m);
  // Nothing half is left.
  expect((await readdir(join(ground.data, "agents"))).filter((name) => name.includes("nobody"))).toEqual([]);
  const unknown = await ground.slipway(ground.folder, "backends", "install", "nobody");
  expect(unknown.stderr).toMatch(/^error NOT_FOUND: There is no backend called nobody; expected one of .*tiny/m);
  const script = await ground.slipway(ground.folder, "backends", "install", "script");
  expect(script.stderr).toMatch(/^error INVALID_REQUEST: No registry has the agent of the backend script/m);
});

test("a Python that is too old for an agent is named, with the one that it needs", async () => {
  const python = join(ground.folder, "old-python");
  await writeFile(python, OLD_PYTHON, { mode: 0o755 });
  const { code, stderr } = await ground.slipway(ground.folder, "backends", "install", "snake", "--python", python);
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/^error AGENT_INSTALL_FAILED: snake-agent 1\.0\.0 needs Python >=3\.12, and \S+ here is Python 3\.11\.7\./m);
  expect(stderr).toContain("--python PROGRAM");
  expect((await readdir(join(ground.data, "agents"))).filter((name) => name.includes("snake"))).toEqual([]);
});
