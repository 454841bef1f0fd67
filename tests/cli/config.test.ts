import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Playground } from "./slipway.ts";

let ground: Playground;
let root: string;
const KEY = "sk-never-to-be-printed";

beforeAll(async () => {
  ground = await Playground.make();
  root = await ground.repository("repo", { ".slipway.yaml": "version: 1\ntimeoutSeconds: 200\n" });
  await mkdir(join(ground.data, "secrets", "worker"), { recursive: true, mode: 0o700 });
  await writeFile(join(ground.data, "slipway.yaml"), "server:\n  port: 4800\njobs: {timeoutSeconds: 100, maxAttempts: 2}\n");
  await writeFile(join(ground.data, "secrets", "worker", "VAULT"), KEY, { mode: 0o600 });
});
afterAll(async () => await ground[Symbol.asyncDispose]());

test("each value comes with what says it, and no secret with what it is", { timeout: 60_000 }, async () => {
  const place = ground.with({ SLIPWAY_SLOTS: "7", OPENAI_API_KEY: KEY, SLIPWAY_SECRET_OTHER: KEY });
  const { code, stdout, stderr } = await place.slipway(root, "config", "--json");
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).not.toContain(KEY);
  const { values, places, secrets } = JSON.parse(stdout) as Record<string, Array<Record<string, unknown>>>;
  const of = (key: string): unknown => values?.find((row) => row["key"] === key);
  const file = join(ground.data, "slipway.yaml");
  expect(of("server.port")).toMatchObject({ value: 4_800, origin: { kind: "file", file, line: 2, column: 3 }, flag: "up --port" });
  expect(of("worker.slots")).toMatchObject({ value: 7, origin: { kind: "variable", variable: "SLIPWAY_SLOTS" } });
  expect(of("jobs.timeoutSeconds")).toMatchObject({ value: 200, origin: { kind: "file", file: join(root, ".slipway.yaml"), line: 2 } });
  expect(of("jobs.maxAttempts")).toMatchObject({ value: 2, origin: { file, line: 3 } });
  expect(of("jobs.budget.usd")).toMatchObject({ value: null, origin: { kind: "default" } });
  expect(places).toContainEqual({ name: "data", value: ground.data, from: "SLIPWAY_DATA" });
  expect(secrets?.filter(({ there }) => there).map(({ name }) => name)).toEqual(["OPENAI_API_KEY", "OTHER", "VAULT"]);
  expect(secrets).toContainEqual(expect.objectContaining({ name: "ANTHROPIC_API_KEY", there: false }));
  const text = await place.slipway(ground.folder, "config");
  expect(text.stdout).toMatch(/worker\.slots +7 {2}\(SLIPWAY_SLOTS\)/);
  expect(text.stdout).toContain(`100  (${file}:3)`);
  expect(text.stdout).not.toContain(KEY);
});

test("check reads all three files and ends with 2 where one is wrong", { timeout: 60_000 }, async () => {
  expect(await ground.slipway(root, "config", "check")).toMatchObject({ code: 0, stderr: "" });
  await writeFile(join(ground.data, "gateway.yaml"), "providers:\n  own: {baseUrl: nowhere}\n");
  const broken = await ground.repository("broken", { ".slipway.yaml": "gate: []\nrepairs: 99\n" });
  const { code, stdout } = await ground.slipway(broken, "config", "check", "--json");
  expect(code).toBe(2);
  const { ok, files } = JSON.parse(stdout) as { ok: boolean; files: Array<Record<string, unknown>> };
  expect(ok).toBe(false);
  expect(files.map((one) => one["ok"])).toEqual([true, false, false]);
  expect(files[1]?.["problem"]).toMatchObject({ code: "INVALID_CONFIG", details: { line: 2, key: "providers.own.baseUrl" } });
  const text = await ground.slipway(broken, "config", "check");
  expect(text.code).toBe(2);
  expect(text.stdout).toContain("did you mean gates?");
  expect(text.stdout).toContain("expected at most 10; found 99");
});
