import { SlipwayError } from "@slipway/protocol/errors";
import type { Database as Connection } from "better-sqlite3";
import { Kysely, SqliteAdapter, SqliteDialect } from "kysely";
import { type Migration, Migrator } from "kysely/migration";
import * as spine from "./migrations/0001-spine.ts";

/** In order of their names; a released one is never changed, only followed by another. */
const MIGRATIONS: Record<string, Migration> = { "0001-spine": spine };

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

/**
 * Brings the database to this version's schema; all pending migrations are one transaction.
 * A database of a newer version is left as it is: CONFLICT.
 */
export async function migrateToLatest(connection: Connection): Promise<void> {
  refuseNewer(connection);
  // Never destroyed: that would close the connection, which stays ours.
  const db = new Kysely<unknown>({ dialect: new TransactionalDialect({ database: connection }) });
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(MIGRATIONS) } });
  const { error } = await migrator.migrateToLatest();
  if (error) throw error;
}

function refuseNewer(connection: Connection): void {
  const hasHistory = connection.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'kysely_migration'").get();
  if (!hasHistory) return;
  const executed = connection.prepare("SELECT name FROM kysely_migration ORDER BY name").pluck().all() as string[];
  const unknown = executed.filter((name) => !Object.hasOwn(MIGRATIONS, name));
  if (unknown.length === 0) return;
  throw new SlipwayError("CONFLICT", `The database ${connection.name} was written by a newer version of Slipway.`, {
    unknownMigrations: unknown,
    hint: "Start that version again, or name another data folder with SLIPWAY_DATA.",
  });
}
