import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FileJournal } from "./journal.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-journal-"));
});
afterEach(async () => await rm(folder, { recursive: true, force: true }));

test("a step is done once, also by a later process", async () => {
  const path = join(folder, "journal.jsonl");
  let calls = 0;
  const work = async (): Promise<{ oid: string }> => {
    calls += 1;
    return { oid: "abc" };
  };
  {
    await using journal = await FileJournal.open(path);
    expect(journal.has("commit")).toBe(false);
    await Promise.all([journal.step("commit", work), journal.step("commit", work)]);
    await journal.step("nothing", async () => undefined);
  }
  await using again = await FileJournal.open(path);
  expect(await again.step("commit", work)).toEqual({ oid: "abc" });
  expect(again.has("nothing")).toBe(true);
  expect(calls).toBe(1);
});

test("work that fails is not recorded, and does not stop other steps", async () => {
  await using journal = await FileJournal.open(join(folder, "journal.jsonl"));
  await expect(journal.step("turn", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(journal.has("turn")).toBe(false);
  expect(await journal.step("turn", async () => 2)).toBe(2);
});

test("cut at any byte, it is a journal of its first whole lines, and goes on from there", async () => {
  const whole = join(folder, "whole.jsonl");
  const values = ["a", "äöü", "x\ny", { deep: [1, null, "€"] }];
  {
    await using journal = await FileJournal.open(whole);
    for (const [index, value] of values.entries()) await journal.step(`step-${index}`, async () => value);
  }
  const bytes = await readFile(whole);
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const path = join(folder, "cut.jsonl");
    await writeFile(path, bytes.subarray(0, cut));
    const lines = bytes.subarray(0, cut).toString("latin1").split("\n").length - 1;
    {
      await using journal = await FileJournal.open(path);
      for (const index of values.keys()) expect(journal.has(`step-${index}`), `cut ${cut}`).toBe(index < lines);
      for (const [index, value] of values.entries()) expect(await journal.step(`step-${index}`, async () => value)).toEqual(value);
    }
    expect((await readFile(path)).equals(bytes), `cut ${cut}`).toBe(true);
  }
});

test("any results come back as they were", async () => {
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue(), { maxKeys: 5 }), async (steps) => {
      const path = join(folder, `run-${run++}.jsonl`);
      const entries = Object.entries(steps).map(([key, value]) => [key, JSON.parse(JSON.stringify(value))] as const);
      {
        await using journal = await FileJournal.open(path);
        await Promise.all(entries.map(([key, value]) => journal.step(key, async () => value)));
      }
      await using again = await FileJournal.open(path);
      for (const [key, value] of entries) expect(again.resultOf(key)).toEqual(value);
    }),
    { numRuns: 25 },
  );
});
