import { upstreamSettingsSchema, upstreamSyncSchema } from "@slipway/protocol/upstream";
import type { RepositoryRow } from "../store.ts";
import { NOW } from "./clock.ts";
import type { Database } from "./database.ts";
import type { RepositoryTable } from "./tables.ts";

export type RepositoryViewRow = RepositoryTable & { running: number; calls_today: number; tokens_today: number; usd_today: number };

/** Columns of a `RepositoryViewRow`. The count is the one that claims are held to. */
export const REPOSITORY_VIEW = `
  SELECT r.*, (SELECT count(*) FROM jobs INDEXED BY jobs_running WHERE state = 'running' AND kind = 'task' AND repo_id = r.id) AS running,
    COALESCE(d.calls, 0) AS calls_today, COALESCE(d.tokens, 0) AS tokens_today, COALESCE(d.usd, 0) AS usd_today
  FROM repositories r LEFT JOIN repository_spending_days d ON d.day = date(${NOW} / 1000, 'unixepoch') AND d.repo_id = r.id`;

export function repositoryRow(row: RepositoryViewRow): RepositoryRow {
  return {
    id: row.id,
    name: row.name,
    url: row.url,
    defaultBranch: row.default_branch,
    maxRunning: row.max_running,
    running: row.running,
    dayBudget: JSON.parse(row.day_budget),
    spentToday: { calls: row.calls_today, tokens: row.tokens_today, usd: row.usd_today },
    upstream: upstreamSettingsSchema.parse(JSON.parse(row.upstream)),
    upstreamSync: upstreamSyncSchema.parse(JSON.parse(row.upstream_sync)),
    createdAt: row.created_at,
  };
}

// A repository may be named like another one's id; the id wins.
const BY_ID_OR_NAME = `${REPOSITORY_VIEW} WHERE r.id = @key OR r.name = @key ORDER BY r.id = @key DESC LIMIT 1`;

/** By id or name. */
export function readRepository(db: Database, idOrName: string): RepositoryRow | undefined {
  const row = db.get<RepositoryViewRow>(BY_ID_OR_NAME, { key: idOrName });
  return row && repositoryRow(row);
}
