import type { SessionRow } from "../../rows.ts";
import type { Store } from "../../store.ts";
import { recordAct } from "../audit.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";
import { TOKEN_COLUMNS, type TokenTable, tokenView } from "../token-view.ts";

const INSERT = `
  INSERT INTO sessions (sha256, token_id, created_at, expires_at)
  SELECT @sha256, id, ${NOW}, ${NOW} + @ttlMs FROM tokens WHERE id = @tokenId AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ${NOW})`;
const LIVE = `
  SELECT ${TOKEN_COLUMNS.split(", ")
    .map((column) => `t.${column}`)
    .join(", ")}, s.expires_at AS session_expires_at
  FROM sessions AS s JOIN tokens AS t ON t.id = s.token_id
  WHERE s.sha256 = @sha256 AND s.expires_at > ${NOW} AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > ${NOW})`;

export function createSession(
  db: Database,
  { sha256, tokenId, ttlMs }: Parameters<Store["createSession"]>[0],
  by: Parameters<Store["createSession"]>[1],
): SessionRow | undefined {
  db.run(`DELETE FROM sessions WHERE expires_at <= ${NOW}`);
  if (db.run(INSERT, { sha256, tokenId, ttlMs }) === 0) return undefined;
  recordAct(db, by, { action: "createSession", kind: "token", key: tokenId, outcome: "ok" });
  return findSession(db, sha256);
}

export function findSession(db: Database, sha256: string): SessionRow | undefined {
  const row = db.get<TokenTable & { session_expires_at: number }>(LIVE, { sha256 });
  return row && { token: tokenView(row), expiresAt: Math.min(row.session_expires_at, row.expires_at ?? Number.POSITIVE_INFINITY) };
}

/** False where there is none. */
export function endSession(db: Database, sha256: string): boolean {
  return db.run("DELETE FROM sessions WHERE sha256 = @sha256", { sha256 }) === 1;
}
