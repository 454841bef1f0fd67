import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { AppendableEvent } from "@slipway/protocol/events";
import type { Claim } from "@slipway/protocol/worker-api";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { Playground } from "../cli/slipway.ts";
import { TestServer } from "../server/server-harness.ts";
import { Terminal, type TerminalOptions } from "./terminal.ts";

/** `slipway top` in a real terminal, over a real server; the test is the worker, so that each moment is its own. */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let plain: Playground;
let ground: Playground;
let server: TestServer;
let worker: string;
let repo: string;
beforeAll(async () => {
  plain = await Playground.make();
  server = await TestServer.start({ dayBudget: { usd: 25 } });
  const token = join(plain.folder, "submitter.token");
  await writeFile(token, server.tokens.submitter, { mode: 0o600 });
  ground = plain.with({ SLIPWAY_URL: server.url, SLIPWAY_TOKEN_FILE: token });
  worker = await server.worker();
  repo = (await server.repository({ "a.txt": "a\n" }, "ship")).view.id;
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await plain[Symbol.asyncDispose]();
});

const renewals = new Map<string, NodeJS.Timeout>();
afterEach(async () => {
  for (const renewal of renewals.values()) clearInterval(renewal);
  renewals.clear();
  const { jobs } = await server.client("viewer").call("listJobs", { query: { state: ["queued", "running", "blocked"], limit: 50 } });
  for (const { id } of jobs) await server.client("submitter").call("cancelJob", { params: { job: id }, body: {} });
});

async function top(options: TerminalOptions = {}): Promise<Terminal> {
  return await Terminal.run(ground, plain.folder, ["top"], { columns: 80, rows: 24, stays: true, ...options });
}

async function running(task: string): Promise<Claim> {
  await server.submit(repo, { task });
  const claim = await server.claim(worker, { waitMs: 5_000 });
  if (!claim) throw new Error("no claim");
  const { job, fence } = claim;
  const renewal = setInterval(() => {
    // A test that failed has left it; the one that goes on is told by what it expects.
    server
      .client("worker")
      .call("renew", { params: { job: job.id, fence }, body: {} })
      .catch(() => clearInterval(renewal));
  }, 5_000);
  renewals.set(job.id, renewal);
  return claim;
}

const LEFT_WELL = { isFullScreen: false, hasCursor: true, hasEcho: true };

const ordinals = new Map<string, number>();

async function tell({ job, fence }: Claim, ...events: AppendableEvent[]): Promise<void> {
  const from = ordinals.get(job.id) ?? 1;
  ordinals.set(job.id, from + events.length);
  const body = { events: events.map((event, index) => ({ ordinal: from + index, at: Date.now(), event })) };
  await server.client("worker").call("appendEvents", { params: { job: job.id, fence }, body });
}

async function fail({ job, fence }: Claim, code: "BACKEND_AUTH" | "NO_CHANGE", message = "m"): Promise<void> {
  const outcome = { kind: "failed" as const, failure: { code, message, details: {} } };
  await server.client("worker").call("finish", { params: { job: job.id, fence }, body: { outcome } });
}

const stateOf = async (claim: Claim) => (await server.client("viewer").call("getJob", { params: { job: claim.job.id } })).job.state;
const log = (text: string, stream = "stdout"): AppendableEvent => ({ kind: "log", data: { stream, offset: 0, text, encoding: "utf8" } });

test("what needs a person stands first; a job that begins, works and ends is followed as it does", async () => {
  const blocked = await running("Ask a model");
  await fail(blocked, "BACKEND_AUTH", "The key is wrong.");
  await using terminal = await top();
  const first = await terminal.shows(/needs you\n.*Ask a model +BACKEND_AUTH: The key is wrong\./);
  expect(first.split("\n").slice(0, 3).join("\n")).toMatch(
    /^slipway top · http:\/\/127\.0\.0\.1:\d+ · live\nworkers .* · 1 needs you\ntoday \$0\.00 of \$25\.00 \(0 %\) · 0 tokens$/,
  );
  const claim = await running("Mend the sum");
  await terminal.shows(/running\n.*Mend the sum +(starting|running)/);
  const data = { name: "test", round: 1 };
  await tell(
    claim,
    { kind: "phase", data: { phase: "turn", status: "started" } },
    { kind: "turn", data: { turn: 2, status: "started", reason: "repair" } },
    { kind: "gate", data: { name: "lint", round: 1, status: "passed" } },
    { kind: "gate", data: { ...data, status: "failed" } },
  );
  const screen = await terminal.shows(/Mend the sum +turn 2 \d+ s +r2 2\/2 ✗ +script/);
  expect(screen.indexOf("needs you\n")).toBeLessThan(screen.indexOf("running\n"));
  await fail(claim, "NO_CHANGE");
  await terminal.shows(/ended\n.*Mend the sum +NO_CHANGE +(just now|\d+ s ago)/);
  await terminal.type("q");
  expect(await terminal.exitCode()).toBe(0);
  expect(await terminal.modes()).toEqual(LEFT_WELL);
  expect(await terminal.screen()).not.toContain("slipway top");
  await server.client("submitter").call("cancelJob", { params: { job: blocked.job.id }, body: {} });
});

test("a job opens with its phases and the end of its log, live; hostile text does nothing", async () => {
  const claim = await running("Talk a lot");
  await tell(
    claim,
    { kind: "phase", data: { phase: "prepare", status: "ended", durationMs: 1_500 } },
    { kind: "phase", data: { phase: "turn", status: "started" } },
  );
  await using terminal = await top();
  await terminal.shows(/Talk a lot/);
  await terminal.type("Enter");
  await terminal.shows(/✓ prepare +1\.5 s\n +▸ turn +\d+ s/);
  await tell(claim, log(Array.from({ length: 100 }, (_, line) => `line ${line}\n`).join("")), log("half a"), log(" line\n"));
  await terminal.shows(/line 99\n +half a line/);
  await tell(claim, log("\x1b[2J\x1b]0;owned\x07\x1b[31mred\x1b[0m \x9b31m\n"), log("over\rwritten\n"));
  const pane = await terminal.shows(/written/);
  expect(pane).toMatch(/^slipway top · .* live\n/);
  expect(pane).toMatch(/^ {2}red 31m$/m);
  await terminal.type("k", "k", "k");
  await terminal.shows(/line 99\nj k scroll/);
  // Where a person reads, nothing moves.
  await tell(claim, log("one more\n"));
  await terminal.type("k");
  await terminal.shows(/line 98\nj k scroll/);
  await terminal.type("G");
  await terminal.shows(/one more\nj k scroll/);
  await terminal.type("l");
  await terminal.shows(/Talk a lot\n(?:.*\n)* {2}line 99\n/);
  await terminal.type("Escape");
  await terminal.shows(/running\n›.*Talk a lot/);
  await terminal.type("C-c");
  expect(await terminal.exitCode()).toBe(130);
  expect(await terminal.modes()).toEqual(LEFT_WELL);
  await fail(claim, "NO_CHANGE");
});

test("keys choose, filter, cancel after a question, try again, and explain themselves", async () => {
  const [one, two] = [await running("First of two"), await running("Second of two")];
  await using terminal = await top();
  await terminal.shows(/›.*First of two/);
  await terminal.type("j");
  await terminal.shows(/›.*Second of two/);
  await terminal.type("c");
  await terminal.shows(/Cancel job \d+, Second of two\? y: yes/);
  await terminal.type("n");
  await terminal.shows(/nothing was cancelled/);
  // All in one piece, as a terminal gives what is typed fast.
  await terminal.type("-l", "/FIRST");
  const filtered = await terminal.shows(/filter: FIRST/);
  expect(filtered).not.toContain("Second of two");
  await terminal.type("Enter", "c");
  await terminal.shows(/Cancel job \d+, First of two\?/);
  await terminal.type("y");
  await expect.poll(async () => await stateOf(one)).toBe("cancelled");
  await terminal.shows(/ended\n›.*First of two +cancelled/);
  await terminal.type("r");
  await terminal.shows(/job \d+ is a new try of job \d+/);
  await terminal.type("Escape", "o");
  await terminal.shows(/no browser here: slipway open \d+ --print/);
  await terminal.type("?");
  await terminal.shows(/cancel it; asks first/);
  await terminal.type("q", "q");
  expect(await terminal.exitCode()).toBe(0);
  await fail(two, "NO_CHANGE");
});

test.each([
  [40, 12],
  [80, 24],
  [140, 50],
])("at %i × %i nothing is broken, and the chosen job is in sight", async (columns, rows) => {
  const wide = await running("漢字 👍 schreibe Grüße, und das sehr lange, damit es gewiss nicht passt, wo immer es auch steht");
  await using terminal = await top({ columns: 100, rows: 30 });
  await terminal.shows(/running\n(?:.*\n)*.*漢字/);
  await terminal.resize(columns, rows);
  await terminal.type("G");
  const screen = await terminal.shows(/^›/m);
  await terminal.type("g");
  await terminal.shows(/›.*漢字/);
  expect(screen.split("\n").length).toBeLessThanOrEqual(rows);
  expect(screen).toMatch(/^slipway top/);
  expect(screen).toMatch(/^Enter open/m);
  for (const line of screen.split("\n")) expect(line).toMatch(/^(slipway|workers|today|Enter| |›|$)/);
  await terminal.type("q");
  expect(await terminal.exitCode()).toBe(0);
  await fail(wide, "NO_CHANGE");
});

test("a server that goes away is told of, and what was missed is there when it is back", async () => {
  await using terminal = await top();
  await terminal.shows(/live/);
  const { port } = new URL(server.url);
  await server.server.close();
  await terminal.shows(/cut off for \d+ s, trying again/);
  await server.restart({ port: Number(port) });
  await server.submit(repo, { task: "Missed by nobody" });
  await terminal.shows(/live/);
  await terminal.shows(/Missed by nobody/);
  await terminal.kill("SIGTERM");
  expect(await terminal.exitCode()).toBe(130);
  expect(await terminal.modes()).toEqual(LEFT_WELL);
});

test("a crash leaves the terminal as it was, with the error on it", async () => {
  const crashing = Object.create(ground, { commandOf: { value: () => [process.execPath, join(import.meta.dirname, "top-crash.ts")] } }) as Playground;
  Object.defineProperty(crashing, "environment", { value: ground.environment });
  Object.defineProperty(crashing, "folder", { value: ground.folder });
  await using terminal = await Terminal.run(crashing, plain.folder, [], { columns: 80, rows: 24, stays: true });
  await terminal.shows(/slipway top · .* live/);
  expect((await terminal.modes()).isFullScreen).toBe(true);
  expect(await terminal.exitCode()).toBe(1);
  expect(await terminal.modes()).toEqual(LEFT_WELL);
  expect(await terminal.screen()).toContain("nobody expected this");
});

describe("colours and terminals", () => {
  test("with NO_COLOR there is none, and the choice is still to be seen", async () => {
    const claim = await running("Without colours");
    await using terminal = await top({ env: { NO_COLOR: "1" } });
    await terminal.shows(/›.*\w/);
    expect(await terminal.screen({ colors: true })).not.toMatch(/\x1b\[[\d;]*[1-9]m/);
    await terminal.type("q");
    expect(await terminal.exitCode()).toBe(0);
    await fail(claim, "NO_CHANGE");
  });

  test("without a terminal it prints what there is, once, and as data", async () => {
    const claim = await running("Seen in a pipe");
    const { code, stdout, stderr } = await ground.slipway(plain.folder, "top");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^slipway top · http:.*\nworkers .*\ntoday .*\n\n/);
    expect(stdout).toMatch(/^running\n.*Seen in a pipe/m);
    expect(stdout).not.toContain("\x1b");
    const data = JSON.parse((await ground.slipway(plain.folder, "top", "--json")).stdout);
    expect(data.running).toContainEqual(expect.objectContaining({ number: claim.job.number, state: "running", repository: "ship" }));
    await using dumb = await top({ env: { TERM: "dumb" } });
    expect(await dumb.exitCode()).toBe(0);
    expect(await dumb.screen({ all: true })).toContain("Seen in a pipe");
    await fail(claim, "NO_CHANGE");
  });
});
