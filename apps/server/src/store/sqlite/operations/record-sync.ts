import { SlipwayError } from "@slipway/protocol/errors";
import { type UpstreamSync, upstreamSyncSchema } from "@slipway/protocol/upstream";
import type { Store } from "../../store.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

const READ = `SELECT upstream_sync AS sync, ${NOW} AS now FROM repositories WHERE id = @id`;
const WRITE = "UPDATE repositories SET upstream_sync = @sync WHERE id = @id";

export function recordSync(db: Database, ...[id, { error, nextInMs }]: Parameters<Store["recordSync"]>): UpstreamSync {
  const row = db.get<{ sync: string; now: number }>(READ, { id });
  if (!row) throw new SlipwayError("NOT_FOUND", "There is no such repository.", { repo: id });
  const before = upstreamSyncSchema.parse(JSON.parse(row.sync));
  const sync: UpstreamSync = {
    at: row.now,
    okAt: error === null ? row.now : before.okAt,
    failures: error === null ? 0 : before.failures + 1,
    nextAt: nextInMs === null ? null : row.now + nextInMs,
    error,
  };
  db.run(WRITE, { id, sync: JSON.stringify(sync) });
  return sync;
}
