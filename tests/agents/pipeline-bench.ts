import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { JobDetail } from "@slipway/protocol/job";
import { expect } from "vitest";
import { git } from "../support/repository.ts";
import type { Stack } from "../support/stack.ts";

/** Files below a folder that hold a text. What belongs to an attempt that is just ending may go away meanwhile. */
export async function filesWith(folder: string, text: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(unlessGone([]));
  const found = await Promise.all(
    entries.map(async (entry): Promise<string[]> => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return await filesWith(path, text);
      return entry.isFile() && (await readFile(path).catch(unlessGone(Buffer.alloc(0)))).includes(text) ? [path] : [];
    }),
  );
  return found.flat();
}

function unlessGone<T>(nothing: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === "ENOENT") return nothing;
    throw error;
  };
}

/** The job of a broken package is done: what landed mends it, touches nothing else, and has the receipt of its gate. */
export async function expectLanded(stack: Stack, detail: JobDetail, target: string): Promise<void> {
  expect(detail.job, JSON.stringify(detail.job.failure)).toMatchObject({ state: "done" });
  const hub = join(stack.data, "server", "hub", detail.job.repo.id, "upstream.git");
  expect(await git(hub, "rev-parse", `refs/heads/${target}`)).toBe(detail.job.landedOid);
  expect(await git(hub, "show", `${detail.job.landedOid}:inherits.js`)).toContain("require('util').inherits");
  expect(await git(hub, "diff", "--name-only", `${detail.job.landedOid}^`, `${detail.job.landedOid}`)).toBe("inherits.js");
  const tree = await git(hub, "rev-parse", `${detail.job.landedOid}^{tree}`);
  expect(detail.receipts).toContainEqual(expect.objectContaining({ tree, gate: "test", exitCode: 0 }));
}
