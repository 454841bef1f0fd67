import BetterSqlite3, { type Database as Connection, type Statement } from "better-sqlite3";
import type { CircuitLimits } from "../circuit-limits.ts";
import type { NotificationReceiver } from "../notifications.ts";
import type { StateLimits } from "../state-limits.ts";
import { migrateToLatest } from "./migrate.ts";

export interface DatabaseOptions {
  /** Path of the database file; its folder exists. */
  readonly file: string;
  /** Log text that is kept of one job, in bytes. */
  readonly logLimitBytes: number;
  readonly stateLimits: StateLimits;
  readonly circuitLimits: CircuitLimits;
  /** Who is to be told of jobs. */
  readonly receivers: readonly NotificationReceiver[];
  /** The id that a new database gets; one that has an id keeps it. */
  readonly newInstallationId: string;
}

export type SqlParameters = Record<string, string | number | null | Buffer>;

/** The one connection, with every statement prepared once. Synchronous: it lives in the store's thread. */
export class Database {
  readonly connection: Connection;
  readonly logLimitBytes: number;
  /** Parameters of `dueAt`. */
  readonly stateLimits: Readonly<Record<keyof StateLimits, number>>;
  readonly circuitLimits: CircuitLimits;
  readonly receivers: readonly NotificationReceiver[];
  readonly #statements = new Map<string, Statement>();

  constructor(connection: Connection, options: Pick<DatabaseOptions, "logLimitBytes" | "stateLimits" | "circuitLimits" | "receivers">) {
    this.connection = connection;
    this.logLimitBytes = options.logLimitBytes;
    this.stateLimits = { ...options.stateLimits };
    this.circuitLimits = options.circuitLimits;
    this.receivers = options.receivers;
  }

  get<Row>(sql: string, parameters: SqlParameters = {}): Row | undefined {
    return this.#prepared(sql).get(parameters) as Row | undefined;
  }

  all<Row>(sql: string, parameters: SqlParameters = {}): Row[] {
    return this.#prepared(sql).all(parameters) as Row[];
  }

  /** Runs a statement that returns no rows; answers how many rows it changed. */
  run(sql: string, parameters: SqlParameters = {}): number {
    return this.#prepared(sql).run(parameters).changes;
  }

  #prepared(sql: string): Statement {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.connection.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/** Opens the file, making or migrating it where needed. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const connection = new BetterSqlite3(options.file);
  try {
    // Someone may look at the file with the sqlite3 shell; a lock of theirs is waited for.
    connection.pragma("busy_timeout = 5000");
    connection.pragma("journal_mode = WAL");
    connection.pragma("synchronous = FULL");
    connection.pragma("foreign_keys = ON");
    // The log shrinks again after a burst instead of keeping its largest size for ever.
    connection.pragma("journal_size_limit = 67108864");
    connection.pragma("cache_size = -65536");
    await migrateToLatest(connection);
    return new Database(connection, options);
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** The id that this database got when it was first opened. */
export function installationIdOf(db: Database, newId: string): string {
  db.run("INSERT INTO meta (key, value) VALUES ('installationId', @id) ON CONFLICT DO NOTHING", { id: newId });
  const row = db.get<{ value: string }>("SELECT value FROM meta WHERE key = 'installationId'");
  if (!row) throw new Error("the database has no installation id");
  return row.value;
}
