import { describe, expect, test } from "vitest";
import { normalForm } from "./normal-form.ts";

const form = (value: unknown): string[] => normalForm(JSON.stringify(value));

test("a request is a line for each member and each line of its texts, in the order of the names", () => {
  expect(form({ model: "m", input: [{ role: "user", content: "one\ntwo" }], stream: true })).toEqual([
    "input[0].content: one",
    "input[0].content: two",
    "input[0].role: user",
    "model: m",
    "stream: true",
  ]);
  expect(normalForm("no json")).toEqual([": no json"]);
});

test("members that name the client do not count", () => {
  expect(form({ model: "m", metadata: { user_id: "u" }, prompt_cache_key: "k", client_metadata: {}, user: "me" })).toEqual(["model: m"]);
});

describe("what differs between two runs by nature is masked", () => {
  test.each([
    ["0197a000-0000-7000-8000-000000000001", "<id>"],
    ["resp_7598d4c6ee09023413855901", "<id>"],
    ["Chunk ID: 5db579", "Chunk ID: <id>"],
    ["msg_2639666e-2605-5d1f-a0ee-0197a0000001", "msg_<id>"],
    ["call_7gHx0Lq2Zc1BvN3mPq", "<id>"],
    ["[detached HEAD 1a2b3c4] Mend it", "[detached HEAD <id>] Mend it"],
    ["2026-11-28", "<time>"],
    ["2026-11-28T15:14:51.123Z", "<time>"],
    ["Sat Nov 28, 2026 at 15:14:51", "<time> at <time>"],
    ["28 November 2026", "<time>"],
    ["at 1795880636 and 1795880636123", "at <time> and <time>"],
    ["Wall time: 0.1234 seconds, 35ms", "Wall time: <duration>, <duration>"],
    ["/home/me/.local/share/slipway/worker/attempts/x-1/workspace/src/a.ts", "<attempts>/workspace/src/a.ts"],
    ["in /tmp/s/data/worker/homes/0197a000-0000-7000-8000-000000000001/.cache", "in <homes>/.cache"],
    ["open '/tmp/slipway-abc/x.txt'", "open '/tmp/<temp>/x.txt'"],
    ["http://127.0.0.1:20017/openai/v1", "http://127.0.0.1:<port>/openai/v1"],
    ["pid 4711", "<pid>"],
  ])("%s", (text, masked) => expect(form({ x: text })).toEqual([`x: ${masked}`]));
});

describe("what is meant stays", () => {
  test.each([
    "Fix issue 1234 in file-42.ts",
    "/workspace/src/worker.ts",
    "src/worker/pool.ts",
    "version 24.1.0",
    "12 passed, 3 failed",
    "accede to the facade",
    "#ff00aa",
  ])("%s", (text) => expect(form({ x: text })).toEqual([`x: ${text}`]));
});

test("a file in base64 is told by its digest, at once however large it is, and another one is another", () => {
  const base64 = (seed: number): string => Buffer.alloc(5_242_880, seed).fill("/worker/x/", 1_000).toString("base64");
  const [one, other] = [base64(1), base64(2)];
  const startedAt = performance.now();
  const lines = form({ input: [{ image_url: `data:image/png;base64,${one}` }, { data: one }, { data: other }] });
  expect(performance.now() - startedAt).toBeLessThan(2_000);
  expect(lines.map((line) => line.replace(/[0-9a-f]{64}/, "…"))).toEqual([
    `input[0].image_url: <${one.length + 22} characters of base64, SHA-256 …>`,
    `input[1].data: <${one.length} characters of base64, SHA-256 …>`,
    `input[2].data: <${one.length} characters of base64, SHA-256 …>`,
  ]);
  expect(lines[1]?.split(", ")[1]).not.toBe(lines[2]?.split(", ")[1]);
  expect(form({ text: `${"word".repeat(100)} and 15:14:51` })).toEqual([`text: ${"word".repeat(100)} and <time>`]);
});
