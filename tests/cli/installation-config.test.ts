import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "@slipway/protocol/client";
import type { JobView } from "@slipway/protocol/job";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Playground, type Watched } from "./slipway.ts";

/** One `slipway up` with a slipway.yaml for the file. */
let ground: Playground;
let up: Watched;
let client: Client;

beforeAll(async () => {
  ground = await Playground.make();
  await mkdir(ground.data, { mode: 0o700 });
  const config = [
    "server:",
    "  port: 0",
    "  allowedOrigins: [https://board.example]",
    "worker:",
    "  slots: 3",
    "  verifySlots: 1",
    "  name: from-the-file",
    "  sandbox: none",
    "  secretsFolder: my-secrets",
    "jobs:",
    "  timeoutSeconds: 100",
    "  stallSeconds: 50",
    "  maxAttempts: 1",
    "  lane: background",
    "  budget: {usd: 9, attemptUsd: 3}",
    "logLevel: debug",
  ];
  await writeFile(join(ground.data, "slipway.yaml"), `${config.join("\n")}\n`);
  up = ground.with({ SLIPWAY_VERIFY_SLOTS: "2" }).start(ground.folder, "up", "--slots", "1");
  await up.says("slipway run");
  const { url } = JSON.parse(await readFile(join(ground.data, "server.json"), "utf8")) as { url: string };
  client = new Client({ url, token: (await readFile(join(ground.data, "tokens", "admin.token"), "utf8")).trim() });
});
afterAll(async () => await ground[Symbol.asyncDispose]());

async function submitted(root: string, place: Playground, ...more: string[]): Promise<JobView> {
  const { code, stdout, stderr } = await place.slipway(
    root,
    "submit",
    "x",
    "--after",
    "2h",
    ...(await ground.script("steps", [{ print: "hi" }])),
    ...more,
    "--json",
  );
  expect([code, stderr]).toEqual([0, ""]);
  return (JSON.parse(stdout) as { job: JobView }).job;
}

test("the server tells what it runs with, and which line, variable or option says so", async () => {
  const { values } = await client.call("showConfig", {});
  const told = (key: string) => values.find((value) => value.key === key);
  const file = join(ground.data, "slipway.yaml");
  expect(told("jobs.maxAttempts")).toEqual({ key: "jobs.maxAttempts", value: 1, from: expect.stringMatching(/slipway\.yaml:\d+$/) });
  expect(told("logLevel")).toMatchObject({ value: "debug", from: expect.stringContaining(file) });
  expect(told("server.retentionDays")).toMatchObject({ value: 30, from: "default" });
});

test("the worker gets what the file says, but for what a flag or a variable overrides", async () => {
  const [worker] = (await client.call("listWorkers", {})).workers;
  expect(worker).toMatchObject({ name: "from-the-file", slots: 1, sandbox: "none" });
  const log = await readFile(join(ground.data, "logs", "worker.log"), "utf8");
  expect(log).toContain('"part":"worker"');
  // Made by the worker, beside the file that names it.
  await expect(readFile(join(ground.data, "my-secrets", "NONE"))).rejects.toMatchObject({ code: "ENOENT" });
  const doctor = await ground.slipway(ground.folder, "backends", "--json");
  expect(doctor.stdout).toContain('"backends"');
});

test("a job gets the option, else the variable, else the repository's value, else the installation's, else the default", { timeout: 90_000 }, async () => {
  const plain = await ground.repository("plain");
  expect(await submitted(plain, ground)).toMatchObject({
    timeoutMs: 100_000,
    stallMs: 50_000,
    maxAttempts: 1,
    lane: "background",
    queueTimeoutMs: 86_400_000,
    budget: { usd: 9, attemptUsd: 3 },
  });
  const own = await ground.repository("own", { ".slipway.yaml": "timeoutSeconds: 200\nbudget: {usd: 5}\n" });
  expect(await submitted(own, ground)).toMatchObject({ timeoutMs: 200_000, budget: { usd: 5, attemptUsd: 3 } });
  const shell = ground.with({ SLIPWAY_TIMEOUT: "5m", SLIPWAY_LANE: "normal", SLIPWAY_BUDGET_USD: "4", SLIPWAY_STALL: "" });
  expect(await submitted(own, shell)).toMatchObject({ timeoutMs: 300_000, stallMs: 50_000, lane: "normal", budget: { usd: 4, attemptUsd: 3 } });
  expect(await submitted(own, shell, "--timeout", "6m", "--stall", "7s", "--budget-usd", "1")).toMatchObject({
    timeoutMs: 360_000,
    stallMs: 7_000,
    budget: { usd: 1, attemptUsd: 3 },
  });
});

test("a file that is wrong starts nothing, and is named with line and column", async () => {
  const file = join(ground.folder, "wrong.yaml");
  await writeFile(file, "server:\n  prot: 1\n");
  const answer = await ground.with({ SLIPWAY_CONFIG: file, SLIPWAY_DATA: join(ground.folder, "other") }).slipway(ground.folder, "up");
  expect(answer).toMatchObject({ code: 2, stdout: "" });
  expect(answer.stderr).toContain(`${file}:2:3: server.prot: expected one of port, `);
  expect(answer.stderr).toContain("did you mean server.port?");
  const missing = await ground
    .with({ SLIPWAY_CONFIG: join(ground.folder, "no.yaml"), SLIPWAY_DATA: join(ground.folder, "other") })
    .slipway(ground.folder, "up");
  expect(missing).toMatchObject({ code: 2 });
  expect(missing.stderr).toContain("SLIPWAY_CONFIG");
});

test("doctor names the file, the place in it and what to type, and tells of a wrong variable", { timeout: 60_000 }, async () => {
  const file = join(ground.folder, "wrong for doctor.yaml");
  await writeFile(file, "server:\n  prot: 1\nworker: {slots: many}\n");
  const checksWith = async (env: NodeJS.ProcessEnv, ...args: string[]): Promise<Array<Record<string, unknown>>> => {
    const place = ground.with({ SLIPWAY_DATA: join(ground.folder, "other"), ...env });
    const { code, stdout } = await place.slipway(ground.folder, "doctor", ...args, "--sandbox", "none", "--json");
    expect(code).toBe(1);
    return JSON.parse(stdout).checks;
  };
  for (const args of [[], ["worker"]]) {
    const checks = await checksWith({ SLIPWAY_CONFIG: file }, ...args);
    const own = checks.filter(({ group }) => group === "configuration");
    expect(own).toEqual([
      {
        group: "configuration",
        name: "slipway.yaml",
        ok: false,
        required: true,
        tried: `${file}, which SLIPWAY_CONFIG names`,
        found: expect.stringMatching(/2 problems in .*\n.*:2:3: server\.prot: .*\n.*:3:17: worker\.slots: /),
        lost: expect.stringContaining("slipway up"),
        remedy: expect.stringContaining("slipway config check"),
      },
    ]);
    expect(checks.filter(({ group }) => group === "backends")).toEqual([expect.objectContaining({ required: false, remedy: "slipway config check" })]);
  }
  expect(await checksWith({ SLIPWAY_SLOTS: "many" })).toContainEqual(
    expect.objectContaining({ group: "configuration", name: "environment", required: true, found: expect.stringContaining("SLIPWAY_SLOTS") }),
  );
  const sound = await ground.slipway(ground.folder, "doctor", "--sandbox", "none");
  expect(sound.stdout).toMatch(/^configuration\n {2}✓ slipway\.yaml +sound\n {2}✓ environment +sets nothing$/m);
});

test("a variable that is wrong is named", async () => {
  const place = ground.with({ SLIPWAY_DATA: join(ground.folder, "other"), SLIPWAY_SLOTS: "many" });
  const answer = await place.slipway(ground.folder, "up");
  expect(answer).toMatchObject({ code: 2 });
  const root = await ground.repository("shell");
  const job = await ground.with({ SLIPWAY_TIMEOUT: "soon" }).slipway(root, "submit", "x");
  expect(job).toMatchObject({ code: 2 });
  expect(job.stderr).toContain('SLIPWAY_TIMEOUT in the environment is "soon". Expected a time such as 90s');
  expect(answer.stderr).toContain('SLIPWAY_SLOTS in the environment: expected number, received string; found "many".');
});
