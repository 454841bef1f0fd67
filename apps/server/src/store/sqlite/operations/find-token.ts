import type { TokenView } from "@slipway/protocol/accounts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";
import { TOKEN_COLUMNS, type TokenTable, tokenView } from "../token-view.ts";

const LIVE = `
  SELECT ${TOKEN_COLUMNS}, COALESCE(last_used_at, 0) <= ${NOW} - 60000 AS stale
  FROM tokens WHERE sha256 = @sha256 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ${NOW})`;

/** `stale`: its last use is a minute old, and to be written anew. A call of its own, so that a full disk locks nobody out. */
export function findToken(db: Database, sha256: string): { token: TokenView; stale: boolean } | undefined {
  const row = db.get<TokenTable & { stale: number }>(LIVE, { sha256 });
  return row && { token: tokenView(row), stale: row.stale === 1 };
}
