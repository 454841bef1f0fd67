import { appendFile, chmod, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Manifest } from "@slipway/protocol/manifest";
import type { WorkerAgent } from "@slipway/protocol/worker-api";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AgentWatch } from "../../apps/worker/src/daemon/agent-watch.ts";
import { createSandboxProvider } from "../../apps/worker/src/sandbox/create.ts";
import { sampleManifest } from "../support/sample-job.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const log = pino({ level: process.env["SLIPWAY_TEST_LOG"] ?? "silent" });
const MANIFESTS = ["claude-code", "codex", "script"].map((name): Manifest => sampleManifest(name, false));

let root: string;
let bin: string;
/** A line for each start of the agent. */
let starts: string;
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "slipway-agents-")));
  bin = join(root, "agents/bin");
  starts = join(root, "starts");
  await mkdir(bin, { recursive: true });
  await mkdir(join(root, "sandboxes"));
  await writeFile(starts, "");
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

async function watchIn(kind: "none" | "bwrap", { version = "0", manifests = MANIFESTS } = {}) {
  const provider = createSandboxProvider(kind, {
    ...{ runtimeFolder: join(root, "run"), installRoot: ROOT, maskPaths: [], agentsFolder: join(root, "agents") },
  });
  await provider.probe();
  const agents = provider.hostAgents;
  if (!agents) throw new Error("the provider knows no agents");
  const seen: WorkerAgent[][] = [];
  const toolchains: string[] = [];
  const options = { agents, manifests, version, toolchains, file: join(root, "agents.json"), sandboxes: join(root, "sandboxes"), log };
  const watch: AgentWatch = new AgentWatch({ ...options, onChange: () => seen.push(watch.found) });
  return { watch, seen };
}

/** A program called codex, which counts its starts where it can. */
async function install(version: string): Promise<void> {
  const file = join(bin, "codex");
  await writeFile(file, `#!/bin/sh\necho started >> ${starts}\necho codex-cli ${version}\n`);
  await chmod(file, 0o755);
}

const startsSoFar = async (): Promise<number> => (await readFile(starts, "utf8")).split("\n").length - 1;
const never = new AbortController().signal;
const CODEX = { backend: "codex", ok: true, version: "0.169.0", remedy: null };
const NO_CODEX = { backend: "codex", ok: false, version: null, remedy: "slipway backends install codex" };
const of = (name: string, agents: readonly WorkerAgent[]) => agents.find(({ backend }) => backend === name);

describe.each(["none", "bwrap"] as const)("sandbox: %s", (kind) => {
  test("agents are found as turns find them, and what is missing says what to type", async () => {
    await install("0.169.0");
    const { watch } = await watchIn(kind);
    await watch.look(never);
    expect(watch.found).toMatchObject([
      { backend: "claude-code", ok: false, remedy: "slipway backends install claude-code" },
      CODEX,
      { backend: "script", ok: true },
    ]);
  });
});

test("an answer holds while the program stays the same, over a restart too; nothing is started to see that", async () => {
  await install("0.169.0");
  const first = await watchIn("none");
  await first.watch.look(never);
  await first.watch.look(never);
  expect(await startsSoFar()).toBe(1);
  const again = await watchIn("none");
  await again.watch.look(never);
  expect(of("codex", again.seen[0] ?? [])).toMatchObject(CODEX);
  expect(await startsSoFar()).toBe(1);
  // Another worker may see another agent in the same program.
  await (await watchIn("none", { version: "1" })).watch.look(never);
  expect(await startsSoFar()).toBe(2);
});

test("a program that was changed in its place is asked again", async () => {
  await install("0.169.0");
  const { watch } = await watchIn("none");
  await watch.look(never);
  await appendFile(join(bin, "codex"), "exit 0\n");
  await writeFile(join(bin, "codex"), (await readFile(join(bin, "codex"), "utf8")).replace("0.169.0", "0.170.0"));
  await watch.look(never);
  expect(of("codex", watch.found)).toMatchObject({ ok: true, version: "0.170.0" });
});

test("one that is installed is found, and one that is gone is believed to be when two looks say so", async () => {
  const { watch } = await watchIn("none");
  await watch.look(never);
  expect(of("codex", watch.found)).toMatchObject(NO_CODEX);
  await install("0.169.0");
  await watch.look(never);
  expect(of("codex", watch.found)).toMatchObject(CODEX);
  await rm(join(bin, "codex"));
  await watch.look(never);
  expect(of("codex", watch.found)).toMatchObject(CODEX);
  await watch.look(never);
  expect(of("codex", watch.found)).toMatchObject(NO_CODEX);
});

test("an installation is noticed at once", async () => {
  const { watch } = await watchIn("none");
  const stop = new AbortController();
  const running = watch.run(stop.signal);
  await expect.poll(() => of("script", watch.found), { timeout: 20_000 }).toMatchObject({ ok: true });
  await install("0.169.0");
  // Far less than the time between two looks.
  await expect.poll(() => of("codex", watch.found), { timeout: 15_000 }).toMatchObject(CODEX);
  stop.abort();
  await running;
});

test("a probe that cannot be asked tells nothing, and leaves nothing behind", async () => {
  const { watch, seen } = await watchIn("none", { manifests: [sampleManifest("no-such-backend", false)] });
  const stop = new AbortController();
  stop.abort();
  await watch.look(stop.signal);
  expect(watch.found).toEqual([]);
  await watch.look(never);
  expect(seen.at(-1)).toMatchObject([{ backend: "no-such-backend", ok: false, found: "no such backend" }]);
});
