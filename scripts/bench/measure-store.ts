import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { measureStore as measureRates } from "../../apps/server/src/store/bench.ts";
import { openSqliteStore } from "../../apps/server/src/store/sqlite/open.ts";
import { type Figure, figure } from "./figures.ts";

const ROUNDS = 3;

/** Durable claims and finishes in the store alone, each round on an empty database. */
export async function measureStore(quick: boolean): Promise<Figure[]> {
  const rates: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const folder = await mkdtemp(join(tmpdir(), "slipway-bench-store-"));
    try {
      await using store = await openSqliteStore({ file: join(folder, "slipway.db") });
      rates.push((await measureRates(store, quick ? 1_000 : 4_000)).claimFinishPerSecond);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  return [figure("durable claim + finish in the store alone", "jobs/s", rates, { of: "median", limit: 1_000, side: "above" })];
}
