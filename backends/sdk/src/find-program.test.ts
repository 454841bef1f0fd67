import { chmod, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findProgram } from "./find-program.ts";

test("a program is found by its path or on PATH, and what cannot be run is none", async () => {
  const folder = await mkdtemp(join(tmpdir(), "find-program-"));
  await writeFile(join(folder, "agent"), "#!/bin/sh\n");
  const path = `/nonexistent::${folder}`;
  expect(await findProgram("agent", path)).toBeUndefined();
  await chmod(join(folder, "agent"), 0o755);
  expect(await findProgram("agent", path)).toBe(join(folder, "agent"));
  expect(await findProgram(join(folder, "agent"), undefined)).toBe(join(folder, "agent"));
  expect(await findProgram("agent", undefined)).toBeUndefined();
});
