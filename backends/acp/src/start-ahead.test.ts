import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { createTestBench, type TestBench, type TurnOptions } from "@slipway/backend-sdk/test-kit";
import { SlipwayError } from "@slipway/protocol/errors";
import { afterEach, expect, test } from "vitest";
import { z } from "zod";
import { defineProfile } from "./define-profile.ts";
import { GEMINI } from "./releases.ts";
import { sessionFileOf } from "./session.ts";
import { commonSettings } from "./settings.ts";

/** A profile whose agent is that of the SDK's own side, started as a process; `tests/agents/acp` starts the real ones. */

const FAKE = join(import.meta.dirname, "fake-agent.ts");
const model = { baseUrl: "http://127.0.0.1:9", token: "token-of-this-test" };
const SCRIPTS = { fake: FAKE, broken: join(import.meta.dirname, "no-such-file.ts") } as const;

const { backend, residents } = defineProfile(
  {
    name: "fake",
    version: "1.0.0",
    title: "Fake agent",
    summary: "An agent of this test.",
    config: z.strictObject({ ...commonSettings, program: z.enum(["fake", "broken", "missing"]).default("fake") }),
    capabilities: { resume: true, usage: false, plan: true, model: true, permissions: true },
    async launch({ config, env, modelUrl, key }) {
      if (config.program === "missing") throw new SlipwayError("BACKEND_NOT_INSTALLED", "It is not there.");
      return { program: process.execPath, args: [SCRIPTS[config.program]], env: { ...env, FAKE_MODEL_URL: modelUrl, FAKE_KEY: key } };
    },
  },
  { title: "Fake agent", command: "fake", release: GEMINI, find: async () => undefined },
);

afterEach(() => residents.endAll());

type Program = "fake" | "broken" | "missing";

const environmentOf = (home: string) => ({ PATH: process.env["PATH"] ?? "", HOME: home });

async function startAhead({ home, workspace }: TestBench, program: Program = "fake", signal = AbortSignal.timeout(20_000)): Promise<void> {
  await backend.startAhead?.({ config: backend.config.parse({ program }), home, workspace, env: environmentOf(home), signal });
}

async function run(bench: TestBench, options: Partial<TurnOptions> = {}) {
  const env = { ...environmentOf(bench.home), SLIPWAY_JOB: "job-1" };
  return await bench.runTurn(backend, { config: {}, model, prompt: JSON.stringify({ updates: [] }), env, ...options });
}

/** The pid of the agent that had the last turn: its session is named by it. */
async function lastPid({ home }: TestBench): Promise<number> {
  return Number((await sessionFileOf("fake").read(home))?.sessionId.replace("session-", ""));
}

test("the first turn and a revision are taken by the agent that was started ahead", async () => {
  await using bench = await createTestBench();
  await startAhead(bench);
  const first = await run(bench);
  const pid = await lastPid(bench);
  const second = await run(bench, { turn: 2 });
  expect([first.result.status, second.result.status, first.events, await lastPid(bench)]).toEqual(["done", "done", [], pid]);
  expect(first.durationMs).toBeLessThan(150);
});

test("it is not taken where the settings are others, or where it is gone", async () => {
  await using bench = await createTestBench();
  await startAhead(bench);
  const other = await run(bench, { config: { permissions: "deny" } });
  expect(other.result.status).toBe("done");

  await residents.endAll();
  await startAhead(bench);
  const waiting = residents.takeAhead();
  if (waiting) await residents.keepAhead(waiting);
  await run(bench);
  const pid = await lastPid(bench);
  await residents.endAll();
  await startAhead(bench);
  const dead = residents.takeAhead();
  expect(dead?.isAlive).toBe(true);
  await dead?.end();
  if (dead) await residents.keepAhead(dead);
  const record = await run(bench);
  expect([record.result.status, record.events]).toEqual(["done", []]);
  expect(await lastPid(bench)).not.toBe(pid);
});

test("a turn that comes while it starts takes it as far as it is", async () => {
  await using bench = await createTestBench();
  const turnCame = new AbortController();
  const starting = startAhead(bench, "fake", turnCame.signal);
  for (let waiting = residents.takeAhead(); ; waiting = residents.takeAhead()) {
    if (waiting) {
      await residents.keepAhead(waiting);
      break;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  turnCame.abort();
  await starting;
  expect((await run(bench)).result.status).toBe("done");
});

test("one that rehearses has had a session when its turn comes, in a folder of its own", async () => {
  await using bench = await createTestBench();
  const sessions = join(bench.home, "sessions");
  const rehearsing = defineProfile(
    {
      ...{ name: "rehearsing", version: "1.0.0", title: "Rehearsing agent", summary: "An agent of this test.", rehearses: true },
      config: z.strictObject(commonSettings),
      capabilities: { resume: true, usage: false, plan: true, model: true, permissions: true },
      launch: async ({ env }) => ({ program: process.execPath, args: [FAKE], env: { ...env, FAKE_SESSIONS: sessions } }),
    },
    { title: "Rehearsing agent", command: "fake", release: GEMINI, find: async () => undefined },
  );
  const { home, workspace } = bench;
  try {
    const config = rehearsing.backend.config.parse({});
    await rehearsing.backend.startAhead?.({ config, home, workspace, env: environmentOf(home), signal: AbortSignal.timeout(20_000) });
    const options = { config: {}, model, prompt: JSON.stringify({ updates: [] }), env: environmentOf(home) };
    expect((await bench.runTurn(rehearsing.backend, options)).result.status).toBe("done");
    expect((await readFile(sessions, "utf8")).trimEnd().split("\n")).toEqual([join(home, ".slipway/rehearsal"), workspace]);
  } finally {
    await rehearsing.residents.endAll();
  }
});

test("one that is not installed is nobody's trouble; one that ends at once is told with its words", async () => {
  await using bench = await createTestBench();
  await expect(startAhead(bench, "missing")).resolves.toBeUndefined();
  await expect(startAhead(bench, "broken")).rejects.toThrow(/Fake agent ended with 1 when it was started ahead: .*MODULE_NOT_FOUND/s);
});

test("what a turn has made of the file with the job's variables is no later turn's trouble", async () => {
  await using bench = await createTestBench();
  await startAhead(bench);
  await run(bench);
  const file = join(bench.home, ".slipway/job-environment.sh");
  expect(await readFile(file, "utf8")).toBe("export SLIPWAY_JOB='job-1'\n");
  await rm(file);
  await mkdir(file);
  expect((await run(bench, { turn: 2 })).result.status).toBe("done");
});
