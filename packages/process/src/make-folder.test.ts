import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeFolder } from "./make-folder.ts";

test("makes a folder and those above it, once, for its owner", () => {
  const root = mkdtempSync(join(tmpdir(), "slipway-folder-"));
  try {
    makeFolder(join(root, "a/b/c"));
    makeFolder(join(root, "a/b/c"));
    expect(statSync(join(root, "a/b/c")).mode & 0o777).toBe(0o700);
    writeFileSync(join(root, "file"), "");
    expect(() => makeFolder(join(root, "file"))).toThrow("EEXIST");
    expect(() => makeFolder(join(root, "file/in"))).toThrow(/ENOTDIR|EEXIST/);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test.runIf(process.platform === "linux")("ends where the system says of a folder that is there that it is not", () => {
  expect(() => makeFolder("/proc/a/b")).toThrow("ENOENT");
});
