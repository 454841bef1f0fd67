import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteStore } from "@slipway/server/store/sqlite/open";
import { afterAll, beforeAll } from "vitest";
import { storeConformance } from "./conformance.ts";

let emptyFolder: string;
// Migrated once: each test has a copy.
const empty = (): string => join(emptyFolder, "slipway.db");
beforeAll(async () => {
  emptyFolder = await mkdtemp(join(tmpdir(), "slipway-store-"));
  await (await openSqliteStore({ file: empty() }))[Symbol.asyncDispose]();
});
afterAll(() => rm(emptyFolder, { recursive: true }));

storeConformance("sqlite", async (options = {}) => {
  const folder = await mkdtemp(join(tmpdir(), "slipway-store-"));
  const file = join(folder, "slipway.db");
  await copyFile(empty(), file);
  const store = await openSqliteStore({ file, ...options });
  let newest = store;
  return {
    store,
    async reopen() {
      await newest[Symbol.asyncDispose]();
      newest = await openSqliteStore({ file, ...options });
      return newest;
    },
    async close() {
      await newest[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
});
