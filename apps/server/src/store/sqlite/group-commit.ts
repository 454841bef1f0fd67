import type { Database } from "./database.ts";
import { type Call, type Reply, toWire } from "./messages.ts";
import { OPERATIONS, READS } from "./operations.ts";

/**
 * Runs calls that came together in one transaction, so that they share one fsync. Each has a savepoint: one that fails takes back its own
 * writes only. Nothing is answered before COMMIT; where that fails, nothing of the batch is applied and every write in it is refused.
 */
export function runBatch(db: Database, calls: readonly Call[]): Reply[] {
  try {
    db.connection.exec("BEGIN IMMEDIATE");
    const replies = calls.map((call) => runInSavepoint(db, call));
    db.connection.exec("COMMIT");
    return replies;
  } catch (error) {
    // A rollback that fails leaves a connection that nobody can trust: that error ends the thread.
    if (db.connection.inTransaction) db.connection.exec("ROLLBACK");
    return calls.map((call) => (Object.hasOwn(READS, call.name) ? runAlone(db, call) : { id: call.id, error: toWire(error) }));
  }
}

function runInSavepoint(db: Database, call: Call): Reply {
  db.run("SAVEPOINT call");
  try {
    const value = invoke(db, call);
    db.run("RELEASE call");
    return { id: call.id, value };
  } catch (error) {
    if (endsTransaction(db, error)) throw error;
    db.run("ROLLBACK TO call");
    db.run("RELEASE call");
    return { id: call.id, error: toWire(error) };
  }
}

/** A read has no part in a failed commit: it is simply read again, from what is there. */
function runAlone(db: Database, call: Call): Reply {
  try {
    return { id: call.id, value: invoke(db, call) };
  } catch (error) {
    return { id: call.id, error: toWire(error) };
  }
}

// SQLite takes back the whole transaction by itself after some of these, so the batch is given up after any of them.
const FATAL = ["SQLITE_FULL", "SQLITE_IOERR", "SQLITE_NOMEM", "SQLITE_CORRUPT", "SQLITE_READONLY", "SQLITE_INTERRUPT"];

function endsTransaction(db: Database, error: unknown): boolean {
  const code = (error as { code?: unknown } | undefined)?.code;
  return !db.connection.inTransaction || (typeof code === "string" && FATAL.some((fatal) => code.startsWith(fatal)));
}

function invoke(db: Database, call: Call): unknown {
  // The proxy is typed by the same table, so the arguments fit; across the port that knowledge is lost.
  const operation = OPERATIONS[call.name] as (db: Database, ...args: unknown[]) => unknown;
  return operation(db, ...call.args);
}
