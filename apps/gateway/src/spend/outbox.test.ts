import { appendFileSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SettleCall } from "@slipway/protocol/gateway-api";
import { newId } from "@slipway/protocol/scalars";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Outbox } from "./outbox.ts";

let folder: string;
let path: string;
const troubles: unknown[] = [];
const open = (): Outbox => new Outbox(path, (error) => troubles.push(error));
const settle = (message = ""): SettleCall => ({
  callId: newId(),
  gatewayId: newId(),
  outcome: "failed",
  status: 500,
  usage: null,
  failure: { code: "MODEL_OVERLOADED", message, details: {} },
  durationMs: 1,
  firstByteMs: null,
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-outbox-"));
  path = join(folder, "outbox.jsonl");
  troubles.length = 0;
});
afterEach(() => rm(folder, { recursive: true }));

test("what was not taken is there again after a restart, in its order", () => {
  const [one, two, three] = [settle(), settle(), settle()];
  {
    using first = open();
    for (const each of [one, two, three]) first.add(each);
    first.remove(two.callId);
  }
  using second = open();
  expect(second.pending()).toEqual([one, three]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(troubles).toEqual([]);
});

test("a line that was cut short is left out, and does not take the next one with it", () => {
  const [one, two] = [settle(), settle()];
  {
    using first = open();
    first.add(one);
  }
  appendFileSync(path, '{"settle":{"callId":"');
  {
    using second = open();
    expect(second.pending()).toEqual([one]);
    second.add(two);
  }
  using third = open();
  expect(third.pending()).toEqual([one, two]);
  expect(troubles.length).toBe(2);
});

test("the file does not grow without end", () => {
  using outbox = open();
  for (let index = 0; index < 1_000; index += 1) {
    const each = settle("x".repeat(200));
    outbox.add(each);
    outbox.remove(each.callId);
  }
  expect(statSync(path).size).toBeLessThan(70_000);
  const kept = settle();
  outbox.add(kept);
  for (let index = 0; index < 1_000; index += 1) {
    const each = settle("x".repeat(10_000));
    outbox.add(each);
    outbox.remove(each.callId);
  }
  expect(statSync(path).size).toBeLessThan(5_000_000);
  expect(outbox.pending()).toEqual([kept]);
  using again = open();
  expect(again.pending()).toEqual([kept]);
});
