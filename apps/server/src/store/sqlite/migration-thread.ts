import { parentPort, workerData } from "node:worker_threads";
import BetterSqlite3, { type Database as Connection } from "better-sqlite3";
import { Kysely, SqliteAdapter, SqliteDialect } from "kysely";
import { type Migration, Migrator } from "kysely/migration";
import { toWire, type WireError } from "./messages.ts";
import type { MigrationName } from "./migrate.ts";
import * as spine from "./migrations/0001-spine.ts";
import * as attemptSandbox from "./migrations/0002-attempt-sandbox.ts";
import * as dueTimes from "./migrations/0003-due-times.ts";
import * as retention from "./migrations/0004-retention.ts";
import * as modelCalls from "./migrations/0005-model-calls.ts";
import * as keptWork from "./migrations/0006-kept-work.ts";
import * as audit from "./migrations/0007-audit.ts";
import * as containerSandbox from "./migrations/0008-container-sandbox.ts";
import * as reservedAhead from "./migrations/0009-reserved-ahead.ts";
import * as turnSettings from "./migrations/0010-turn-settings.ts";
import * as spendingAndCassettes from "./migrations/0011-spending-and-cassettes.ts";
import * as routing from "./migrations/0012-routing.ts";
import * as days from "./migrations/0013-days.ts";
import * as jobImages from "./migrations/0014-job-images.ts";
import * as criticOpinions from "./migrations/0015-critic-opinions.ts";
import * as gateBaselines from "./migrations/0016-gate-baselines.ts";
import * as acceptances from "./migrations/0018-acceptances.ts";
import * as trains from "./migrations/0019-trains.ts";
import * as revisions from "./migrations/0020-revisions.ts";
import * as deliveries from "./migrations/0021-deliveries.ts";
import * as upstream from "./migrations/0022-upstream.ts";
import * as coverage from "./migrations/0023-coverage.ts";
import * as sessions from "./migrations/0024-sessions.ts";
import * as dashboard from "./migrations/0026-dashboard.ts";
import * as notifications from "./migrations/0027-notifications.ts";
import * as batches from "./migrations/0028-batches.ts";

/** A thread that runs the pending migrations on a connection of its own, tells how that ended, and ends itself. */

const MIGRATIONS: Record<MigrationName, Migration> = {
  "0001-spine": spine,
  "0002-attempt-sandbox": attemptSandbox,
  "0003-due-times": dueTimes,
  "0004-retention": retention,
  "0005-model-calls": modelCalls,
  "0006-kept-work": keptWork,
  "0007-audit": audit,
  "0008-container-sandbox": containerSandbox,
  "0009-reserved-ahead": reservedAhead,
  "0010-turn-settings": turnSettings,
  "0011-spending-and-cassettes": spendingAndCassettes,
  "0012-routing": routing,
  "0013-days": days,
  "0014-job-images": jobImages,
  "0015-critic-opinions": criticOpinions,
  "0016-gate-baselines": gateBaselines,
  "0018-acceptances": acceptances,
  "0019-trains": trains,
  "0020-revisions": revisions,
  "0021-deliveries": deliveries,
  "0022-upstream": upstream,
  "0023-coverage": coverage,
  "0024-sessions": sessions,
  "0026-dashboard": dashboard,
  "0027-notifications": notifications,
  "0028-batches": batches,
};

/** SQLite does run DDL inside a transaction; kysely leaves that off for databases that toggle foreign keys in a migration, and ours do not. */
class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class TransactionalDialect extends SqliteDialect {
  override createAdapter(): SqliteAdapter {
    return new TransactionalAdapter();
  }
}

const { file } = workerData as { file: string };
parentPort?.postMessage(await ending(file));

/** Null where all went well. */
async function ending(path: string): Promise<WireError | null> {
  try {
    const connection = new BetterSqlite3(path);
    try {
      await migrate(connection);
      return null;
    } finally {
      connection.close();
    }
  } catch (error) {
    return toWire(error);
  }
}

async function migrate(connection: Connection): Promise<void> {
  connection.pragma("busy_timeout = 5000");
  connection.pragma("synchronous = FULL");
  connection.pragma("foreign_keys = ON");
  const db = new Kysely<unknown>({ dialect: new TransactionalDialect({ database: connection }) });
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(MIGRATIONS) } });
  const { error } = await migrator.migrateToLatest();
  if (error) throw error;
}
