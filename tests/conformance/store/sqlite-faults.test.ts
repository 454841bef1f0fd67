import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { SlipwayError } from "@slipway/protocol/errors";
import { openSqliteStore } from "@slipway/server/store/sqlite/open";
import type { Store } from "@slipway/server/store/store";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { addRepository, allEvents, claimRequest, newJob, rejection, submit, take } from "./fixtures.ts";

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway-store-"));
  file = join(folder, "slipway.db");
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("a process killed in mid-stream", () => {
  test("everything that was acknowledged is there, and nothing is half there", { timeout: 60_000 }, async () => {
    const acknowledged = await writeUntilKilled(3_000);
    await using store = await openSqliteStore({ file });
    for (const line of acknowledged) await checkAcknowledged(store, line);
    const jobs = await store.listJobs({ limit: 10_000 });
    expect(jobs.map((job) => job.number)).toEqual(jobs.map((_, index) => jobs.length - index));
    for (const job of jobs) expect((await allEvents(store, job.id)).length).toBe(job.lastSeq);
    const db = new DatabaseSync(file, { readOnly: true });
    expect(db.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
    db.close();
  });

  interface Line {
    submitted?: string;
    claimed?: string;
    appended?: string;
    finished?: string;
    fence?: number;
  }

  /** Kills the writer between two of its lines, with other calls of it under way. */
  async function writeUntilKilled(lines: number): Promise<Line[]> {
    const child: ChildProcess = spawn(process.execPath, [fileURLToPath(new URL("./writer-child.ts", import.meta.url)), file], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exited = once(child, "exit");
    const acknowledged: Line[] = [];
    if (!child.stdout) throw new Error("the writer has no output");
    for await (const line of createInterface(child.stdout)) {
      // Death may cut the last line; what was not told in whole was not acknowledged.
      if (!line.endsWith("}")) continue;
      acknowledged.push(JSON.parse(line));
      if (acknowledged.length === lines) child.kill("SIGKILL");
    }
    expect((await exited)[1]).toBe("SIGKILL");
    return acknowledged;
  }

  async function checkAcknowledged(store: Store, line: Line): Promise<void> {
    const id = line.submitted ?? line.claimed ?? line.appended ?? line.finished ?? "";
    const job = await store.getJob(id);
    expect(job?.id).toBe(id);
    if (line.claimed) expect(job?.fence).toBeGreaterThanOrEqual(line.fence ?? 0);
    if (line.appended) expect((await allEvents(store, id)).filter((event) => event.kind === "log")).toHaveLength(1);
    if (line.finished) expect(job?.state).toBe("failed");
  }
});

describe("a full disk", () => {
  const canMount = process.getuid?.() === 0 && mounts(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]);

  /** A small file system of its own: a real ENOSPC. */
  function mounts(options: string[], where = mkdtempSync(join(tmpdir(), "slipway-mount-"))): boolean {
    try {
      execFileSync("mount", [...options, where], { stdio: "ignore" });
      execFileSync("umount", [where], { stdio: "ignore" });
      return true;
    } catch {
      // No right to mount here: the tests below are skipped, and `group-commit.test.ts` still holds the rule.
      return false;
    } finally {
      rmSync(where, { recursive: true });
    }
  }

  test.skipIf(!canMount)("refuses writes with DISK_FULL, goes on reading, loses nothing, and works again when there is room", async () => {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=3m", "tmpfs", folder]);
    try {
      const store = await openSqliteStore({ file });
      const { id: repoId } = await addRepository(store);
      const accepted = await submitUntilFull(store, repoId);
      expect(accepted.length).toBeGreaterThan(3);
      expect((await store.listJobs({ limit: 1_000 })).map((job) => job.id).toSorted()).toEqual(accepted.toSorted());
      execFileSync("mount", ["-o", "remount,size=32m", folder]);
      const later = await submit(store, repoId);
      expect((await take(store)).jobId).toBe(accepted.find((id) => id !== later));
      await store[Symbol.asyncDispose]();
      await using again = await openSqliteStore({ file });
      expect((await again.listJobs({ limit: 1_000 })).map((job) => job.id).toSorted()).toEqual([...accepted, later].toSorted());
    } finally {
      execFileSync("umount", [folder]);
    }
  });

  async function submitUntilFull(store: Store, repoId: string): Promise<string[]> {
    const accepted: string[] = [];
    for (let round = 0; round < 200; round += 1) {
      const jobs = Array.from({ length: 4 }, () => newJob(repoId, { task: "x".repeat(30_000) }));
      const answers = await Promise.allSettled(jobs.map((job) => store.submitJob(job)));
      const refused = answers.filter((answer) => answer.status === "rejected");
      for (const { reason } of refused) expect(reason).toMatchObject({ name: "SlipwayError", code: "DISK_FULL", status: 507 });
      accepted.push(...answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value.job.id] : [])));
      if (refused.length > 0) return accepted;
    }
    throw new Error("the disk never filled up");
  }
});

describe("opening and closing", () => {
  test("a database of a newer version is refused, and left as it is", async () => {
    await (await openSqliteStore({ file }))[Symbol.asyncDispose]();
    const db = new DatabaseSync(file);
    db.prepare("INSERT INTO kysely_migration (name, timestamp) VALUES ('9999-future', '2040-01-01')").run();
    db.close();
    const refused = await rejection(openSqliteStore({ file }));
    expect(refused).toBeInstanceOf(SlipwayError);
    expect(refused).toMatchObject({ code: "CONFLICT", details: { unknownMigrations: ["9999-future"] } });
    expect(refused.message).toContain("newer version");
  });

  test("a database of an older version is brought up to date, and what waits in it gets its times", async () => {
    const older = await openSqliteStore({ file });
    const { id: repoId } = await addRepository(older);
    const running = await submit(older, repoId);
    await take(older);
    const queued = await submit(older, repoId, { dependsOn: [] });
    const dependent = await submit(older, repoId, { dependsOn: [queued] });
    const final = await submit(older, repoId);
    await older.cancelJob(final, "no");
    await older[Symbol.asyncDispose]();
    const db = new DatabaseSync(file);
    const tables = [
      "sessions",
      "notifications",
      "model_calls",
      "audit",
      "spending_days",
      "circuits",
      "day_refusals",
      "repository_spending_days",
      "job_images",
      "critic_opinions",
      "gate_baselines",
      "gate_flakes",
      "acceptances",
      "revisions",
      "pull_requests",
      "deliveries",
      "frozen_targets",
    ];
    for (const table of tables) db.exec(`DROP TABLE ${table}`);
    const indexes = [
      "jobs_due",
      "jobs_undropped",
      "jobs_ended",
      "events_phases",
      "attempts_by_model_token",
      "attempts_by_backend",
      "receipts_of_tree",
      "jobs_history",
      "jobs_verifications",
    ];
    for (const name of indexes) db.exec(`DROP INDEX ${name}`);
    const added = db
      .prepare("SELECT name FROM pragma_table_info('attempts') WHERE name LIKE 'model_%' OR name IN ('metered', 'kept_oid', 'backend', 'image')")
      .all();
    for (const { name } of added) db.exec(`ALTER TABLE attempts DROP COLUMN ${name}`);
    for (const column of ["budget", "turn_settings", "cassette", "routing", "handover", "revision", "predicted"])
      db.exec(`ALTER TABLE job_specs DROP COLUMN ${column}`);
    for (const column of ["day_budget", "upstream", "upstream_sync"]) db.exec(`ALTER TABLE repositories DROP COLUMN ${column}`);
    for (const column of ["failure_digest", "flaky", "created_at", "coverage"]) db.exec(`ALTER TABLE receipts DROP COLUMN ${column}`);
    for (const column of ["place", "flaky_gates", "passed", "batch_of", "bisects", "split_by", "foreign_sandbox"])
      db.exec(`ALTER TABLE completions DROP COLUMN ${column}`);
    db.exec("ALTER TABLE workers DROP COLUMN cordon");
    for (const column of ["due_at", "queue_timeout_ms", "dropped_seq"]) db.exec(`ALTER TABLE jobs DROP COLUMN ${column}`);
    db.exec("DELETE FROM kysely_migration WHERE name >= '0003'; VACUUM");
    db.close();

    await using store = await openSqliteStore({ file });
    const dueAt = async (id: string) => (await store.getJob(id))?.dueAt;
    for (const id of [running, queued]) expect(await dueAt(id)).toBeGreaterThan(Date.now());
    for (const id of [dependent, final]) expect(await dueAt(id)).toBeNull();
    expect(await store.reap()).toMatchObject({ requeued: [], failed: [] });
    expect(await store.expiredJobs(-1_000, 5)).toEqual([final]);
    expect(await store.getJob(running)).toMatchObject({ budget: {}, permissions: "allow", mcpServers: {} });
    expect(await store.attemptModel(running, 1)).toMatchObject({ calls: 0, failure: null });
  });

  test("a file that is no database, or whose folder is missing, is an error and no hanging thread", async () => {
    await expect(openSqliteStore({ file: join(folder, "missing", "slipway.db") })).rejects.toBeInstanceOf(SlipwayError);
    await expect(openSqliteStore({ file: import.meta.filename })).rejects.toMatchObject({ code: "INTERNAL" });
  });

  test("closing lets what is under way finish, and refuses what comes later", async () => {
    const store = await openSqliteStore({ file });
    const { id: repoId } = await addRepository(store);
    const underWay = Array.from({ length: 50 }, () => submit(store, repoId));
    await store[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    expect(new Set(await Promise.all(underWay)).size).toBe(50);
    expect((await rejection(store.claim(claimRequest()))).code).toBe("SERVER_UNAVAILABLE");
    await using again = await openSqliteStore({ file });
    expect(await again.listJobs({ limit: 100 })).toHaveLength(50);
  });
});
