import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readOptions } from "./options.ts";

let folder: string;
const good = (): string[] => ["--data", folder, "--url", "http://127.0.0.1:1", "--token-file", join(folder, "token")];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway-options-"));
  writeFileSync(join(folder, "token"), "secret\n");
});
afterAll(() => rmSync(folder, { recursive: true }));

test("the flags of the contract", async () => {
  expect(await readOptions(good())).toEqual({ data: folder, url: "http://127.0.0.1:1", token: "secret", parallel: 16 });
});

test.each([
  ["--data is missing", () => good().slice(2)],
  ["--url: nowhere is no URL", () => [...good(), "--url", "nowhere"]],
  ["--token-file: ENOENT", () => [...good(), "--token-file", "/nonexistent"]],
  ["--parallel: expected a whole number", () => [...good(), "--parallel", "many"]],
  ["--colour", () => [...good(), "--colour"]],
])("a wrong flag is named: %s", async (message, args) => {
  await expect(readOptions(args())).rejects.toThrow(expect.objectContaining({ code: "INVALID_REQUEST", message: expect.stringContaining(message) }));
});
