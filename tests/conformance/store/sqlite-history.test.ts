import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { newId } from "@slipway/protocol/scalars";
import { openSqliteStore } from "@slipway/server/store/sqlite/open";
import type { Store } from "@slipway/server/store/store";
import { expect, test } from "vitest";
import { addRepository, sha256, submit, take } from "./fixtures.ts";

const JOBS = 10_000;

test("a flake that no two jobs have seen for thirty days is quarantined no more, and again when two have", async () => {
  const folder = await mkdtemp(join(tmpdir(), "slipway-flakes-"));
  const file = join(folder, "slipway.db");
  try {
    const flake = { gate: "test", failureDigest: sha256("odd"), excerpt: "it timed out" };
    const see = async (store: Store, repoId: string): Promise<void> => {
      await submit(store, repoId);
      const { jobId, fence } = await take(store);
      await store.recordFlake(jobId, fence, flake);
    };
    const states = async (store: Store, repoId: string): Promise<unknown[]> => [
      (await store.listFlakes(repoId)).map(({ jobs, quarantined }) => [jobs, quarantined]),
      (await store.baselines(repoId, "0".repeat(40))).quarantined.length,
    ];
    const first = await openSqliteStore({ file });
    const { id: repoId } = await addRepository(first);
    for (const _ of [1, 2]) await see(first, repoId);
    expect(await states(first, repoId)).toEqual([[[2, true]], 1]);
    await first[Symbol.asyncDispose]();
    const db = new DatabaseSync(file);
    db.exec("UPDATE gate_flakes SET created_at = created_at - 31 * 86400000");
    db.close();

    await using store = await openSqliteStore({ file });
    expect(await states(store, repoId)).toEqual([[[2, false]], 0]);
    await see(store, repoId);
    expect(await states(store, repoId)).toEqual([[[3, false]], 0]);
    await see(store, repoId);
    expect(await states(store, repoId)).toEqual([[[4, true]], 1]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("the history of a job is that of the newest done before it, in its repository and by its backend, and quickly read among 10,000", async () => {
  const folder = await mkdtemp(join(tmpdir(), "slipway-history-"));
  const file = join(folder, "slipway.db");
  try {
    const first = await openSqliteStore({ file });
    const { id: repoId } = await addRepository(first);
    const { id: otherRepoId } = await addRepository(first);
    await submit(first, repoId);
    await submit(first, otherRepoId);
    await first[Symbol.asyncDispose]();
    const db = new DatabaseSync(file);
    // Job n took n seconds; every third failed, and took no time at all. Of the other repository all took a day.
    const columns = db
      .prepare("SELECT name FROM pragma_table_info('jobs') WHERE name NOT IN ('number', 'id', 'state', 'due_at', 'created_at', 'ended_at')")
      .all()
      .map(({ name }) => name)
      .join(", ");
    db.exec(`
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${JOBS})
      INSERT INTO jobs (number, id, state, created_at, ended_at, ${columns})
      SELECT 100 + i, 'job ' || i, CASE WHEN i % 3 = 0 THEN 'failed' ELSE 'done' END, 0, CASE WHEN i % 3 = 0 THEN 0 WHEN j.repo_id = '${otherRepoId}' THEN 86400000 ELSE i * 1000 END, ${columns
        .split(", ")
        .map((name) => `j.${name}`)
        .join(", ")}
      FROM n JOIN jobs j ON j.number = 1 + (i % 2)`);
    db.exec(`
      INSERT INTO attempts (job, fence, claim_id, worker_id, worker_name, credential_sha256, started_at, ended_at, outcome)
      SELECT number, 1, 'claim ' || number, 'w', 'w', '', 0, ended_at, 'change' FROM jobs WHERE number > 100`);
    db.close();

    await using store = await openSqliteStore({ file });
    const id = await submit(store, repoId);
    await store.jobHistory(id);
    const startedAt = performance.now();
    const history = await store.jobHistory(id);
    expect(performance.now() - startedAt).toBeLessThan(50);
    const taken = Array.from({ length: JOBS }, (_, index) => index + 1)
      .filter((i) => i % 2 === 0 && i % 3 !== 0)
      .slice(-200);
    expect(history).toEqual({ jobs: 200, medianMs: (((taken[99] ?? 0) + (taken[100] ?? 0)) / 2) * 1_000 });
    // One of them is compared with those before it alone.
    expect(await store.jobHistory("job 8")).toEqual({ jobs: 2, medianMs: null });
    expect(await store.jobHistory("job 10")).toEqual({ jobs: 3, medianMs: 4_000 });
    expect(await store.jobHistory(await submit(store, repoId, { backend: `other-${newId()}` }))).toEqual({ jobs: 0, medianMs: null });
  } finally {
    await rm(folder, { recursive: true });
  }
});
