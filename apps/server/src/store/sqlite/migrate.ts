import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { SlipwayError } from "@slipway/protocol/errors";
import type { Database as Connection } from "better-sqlite3";
import { fromWire, type WireError } from "./messages.ts";

/** In order; a released one is never changed, only followed by another. `migration-thread.ts` has what they do. */
const MIGRATIONS = [
  "0001-spine",
  "0002-attempt-sandbox",
  "0003-due-times",
  "0004-retention",
  "0005-model-calls",
  "0006-kept-work",
  "0007-audit",
  "0008-container-sandbox",
  "0009-reserved-ahead",
  "0010-turn-settings",
  "0011-spending-and-cassettes",
  "0012-routing",
  "0013-days",
  "0014-job-images",
  "0015-critic-opinions",
  "0016-gate-baselines",
  "0018-acceptances",
  "0019-trains",
  "0020-revisions",
  "0021-deliveries",
  "0022-upstream",
  "0023-coverage",
  "0024-sessions",
  "0026-dashboard",
  "0027-notifications",
  "0028-batches",
] as const;
export type MigrationName = (typeof MIGRATIONS)[number];

/**
 * Brings the database to this version's schema; all pending migrations are one transaction.
 * A database of a newer version is left as it is: CONFLICT.
 */
export async function migrateToLatest(connection: Connection): Promise<void> {
  const executed = executedIn(connection);
  const unknown = executed.filter((name) => !(MIGRATIONS as readonly string[]).includes(name));
  if (unknown.length > 0) {
    throw new SlipwayError("CONFLICT", `The database ${connection.name} was written by a newer version of Slipway.`, {
      unknownMigrations: unknown,
      hint: "Start that version again, or name another data folder with SLIPWAY_DATA.",
    });
  }
  if (executed.length < MIGRATIONS.length) await migrateApart(connection.name);
}

function executedIn(connection: Connection): string[] {
  const hasHistory = connection.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'kysely_migration'").get();
  return hasHistory ? (connection.prepare("SELECT name FROM kysely_migration ORDER BY name").pluck().all() as string[]) : [];
}

/** In a thread that ends again: the migrator and what it loads would else stay in memory, about 19 MB, for as long as the server runs. */
async function migrateApart(file: string): Promise<void> {
  const worker = new Worker(new URL("./migration-thread.ts", import.meta.url), { workerData: { file }, name: "slipway-migrations" });
  const exited = new Promise((resolve) => worker.once("exit", resolve));
  const [error] = (await once(worker, "message")) as [WireError | null];
  await exited;
  if (error) throw fromWire(error);
}
