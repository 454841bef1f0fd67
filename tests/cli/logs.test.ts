import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { AppendableEvent } from "@slipway/protocol/events";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { TestServer } from "../server/server-harness.ts";
import { type Answer, Playground } from "./slipway.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let plain: Playground;
let ground: Playground;
let server: TestServer;
beforeAll(async () => {
  plain = await Playground.make();
  server = await TestServer.start();
  const token = join(plain.folder, "viewer.token");
  await writeFile(token, server.tokens.viewer, { mode: 0o600 });
  ground = plain.with({ SLIPWAY_URL: server.url, SLIPWAY_TOKEN_FILE: token });
  const { view } = await server.repository();
  await server.submit(view.id);
  const claim = await server.claim(await server.worker(), { waitMs: 5_000 });
  const log = (text: string, stream = "stdout"): AppendableEvent => ({ kind: "log", data: { stream, offset: 0, text, encoding: "utf8" } });
  const events: AppendableEvent[] = [
    { kind: "phase", data: { phase: "setup", status: "started" } },
    log("installing\n", "setup"),
    { kind: "phase", data: { phase: "setup", status: "ended", durationMs: 5 } },
    { kind: "turn", data: { turn: 1, status: "started", reason: "task" } },
    log("one\ntwo er"),
    log("ror\nthree\n"),
    { kind: "turn", data: { turn: 1, status: "ended", reason: "task" } },
    { kind: "gate", data: { name: "test", status: "started", round: 0 } },
    log("1 failed\n", "gate:test"),
    { kind: "gate", data: { name: "test", status: "failed", round: 0, exitCode: 1 } },
  ];
  const body = { events: events.map((event, index) => ({ ordinal: index + 1, at: Date.now(), event })) };
  const params = { job: claim?.job.id ?? "", fence: claim?.fence ?? 0 };
  await server.client("worker").call("appendEvents", { params, body });
  const failure = { code: "NO_CHANGE" as const, message: "m", details: {} };
  await server.client("worker").call("finish", { params, body: { outcome: { kind: "failed", failure } } });
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await plain[Symbol.asyncDispose]();
});

const logs = async (...args: string[]): Promise<Answer> => await ground.slipway(plain.folder, "logs", "1", ...args);

test.each([
  [[], "installing\none\ntwo error\nthree\n1 failed"],
  [["--gate", "test"], "1 failed"],
  [["--phase", "setup"], "installing"],
  [["--turn", "1"], "one\ntwo error\nthree"],
  [["--turn", "1", "--tail", "2"], "two error\nthree"],
  [["--tail", "1"], "1 failed"],
  [["--grep", "err|fail"], "two error\n1 failed"],
  [["--grep", "(?i:ERR)", "--stream", "stdout", "--since", "1h"], "two error"],
  [["--attempt", "1", "--stream", "setup"], "installing"],
])("%j", async (args, expected) => {
  const { code, stdout } = await logs(...args);
  expect([code, stdout]).toEqual([0, expected]);
});

test("what went wrong is told in words, and as data", async () => {
  const { stdout } = await logs("--errors");
  expect(stdout.replaceAll(/^ *\d+\.\d s /gm, "")).toBe("✗ gate test failed (exit 1)\n✗ failed NO_CHANGE: m");
  const lines = (await logs("--gate", "test", "--json")).stdout.split("\n").map((line) => JSON.parse(line).kind);
  expect(lines).toEqual(["gate", "log", "gate"]);
  const followed = await logs("-f", "--tail", "1");
  expect([followed.code, followed.stdout]).toEqual([1, "1 failed"]);
});

test("what is chosen and not there is said, and what cannot be meant is refused with what was expected", async () => {
  const nothing = await logs("--gate", "lint");
  expect([nothing.code, nothing.stdout]).toEqual([0, ""]);
  expect(nothing.stderr).toContain("job 1 has no such log lines.");
  for (const [args, words] of [
    [["--phase", "lunch"], "Allowed choices are prepare, setup"],
    [["--turn", "0"], "whole number from 1"],
    [["--gate", "No Gate"], "a gate's name"],
    [["--grep", "(("], "regular expression such as"],
    [["--since", "yesterday"], "time back from now such as 2d"],
    [["--tail", "none"], "whole number from 1"],
    [["--errors", "--level", "warning"], "cannot be used with"],
    [["--gate", "test", "--stream", "stdout"], "cannot be used with"],
  ] as const) {
    const { code, stderr } = await logs(...args);
    expect(code, args.join(" ")).toBe(2);
    expect(stderr).toContain(words);
  }
});
