import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newId } from "@slipway/protocol/scalars";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CIRCUIT_LIMITS } from "../circuit-limits.ts";
import { STATE_LIMITS } from "../state-limits.ts";
import { type Database, openDatabase } from "./database.ts";
import { runBatch } from "./group-commit.ts";
import type { Call } from "./messages.ts";

let folder: string;
let db: Database;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "slipway-commit-"));
  db = await openDatabase({
    file: join(folder, "slipway.db"),
    logLimitBytes: 1_000,
    stateLimits: STATE_LIMITS,
    circuitLimits: CIRCUIT_LIMITS,
    receivers: [],
    newInstallationId: newId(),
  });
});
afterEach(() => {
  db.connection.close();
  rmSync(folder, { recursive: true });
});

function creating(id: number, name: string): Call {
  return { id, name: "createRepository", args: [{ id: newId(), name, url: null, defaultBranch: "main", maxRunning: 1 }] };
}

const listing: Call = { id: 99, name: "listRepositories", args: [] };

function stored(): string[] {
  return db.all<{ name: string }>("SELECT name FROM repositories ORDER BY name").map((row) => row.name);
}

test("a call that fails takes back its own writes only", () => {
  const replies = runBatch(db, [creating(1, "a"), { id: 2, name: "addEvent", args: [newId(), { kind: "notice", data: {} }] }, creating(3, "b")]);
  expect(replies).toMatchObject([{ id: 1 }, { id: 2, error: { code: "NOT_FOUND" } }, { id: 3 }]);
  expect(stored()).toEqual(["a", "b"]);
});

test("when the database is full every write of the batch is refused, nothing of it stays, and reads are still answered", () => {
  runBatch(db, [creating(1, "before")]);
  db.connection.pragma(`max_page_count = ${db.connection.pragma("page_count", { simple: true })}`);
  const replies = runBatch(db, [creating(2, "small"), listing, creating(3, "x".repeat(100_000)), creating(4, "after")]);
  expect(replies).toMatchObject([
    { id: 2, error: { code: "DISK_FULL" } },
    { id: 99, value: [{ name: "before" }] },
    { id: 3, error: { code: "DISK_FULL" } },
    { id: 4, error: { code: "DISK_FULL" } },
  ]);
  expect(db.connection.inTransaction).toBe(false);
  expect(stored()).toEqual(["before"]);
  db.connection.pragma("max_page_count = 100000");
  runBatch(db, [creating(5, "again")]);
  expect(stored()).toEqual(["again", "before"]);
});

test("a commit that fails refuses every write of its batch", () => {
  // A deferred constraint is checked by COMMIT itself.
  db.connection.exec("CREATE TABLE late (id TEXT REFERENCES repositories (id) DEFERRABLE INITIALLY DEFERRED)");
  db.connection.exec("CREATE TRIGGER breaks AFTER INSERT ON repositories WHEN new.name = 'broken' BEGIN INSERT INTO late VALUES ('nobody'); END");
  const replies = runBatch(db, [creating(1, "fine"), creating(2, "broken"), listing]);
  expect(replies).toMatchObject([{ error: { code: "INTERNAL" } }, { error: { code: "INTERNAL" } }, { id: 99, value: [] }]);
  expect(stored()).toEqual([]);
});
