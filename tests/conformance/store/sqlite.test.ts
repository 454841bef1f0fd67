import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteStore } from "@slipway/server/store/sqlite/open";
import { storeConformance } from "./conformance.ts";

storeConformance("sqlite", async (options = {}) => {
  const folder = await mkdtemp(join(tmpdir(), "slipway-store-"));
  const file = join(folder, "slipway.db");
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
