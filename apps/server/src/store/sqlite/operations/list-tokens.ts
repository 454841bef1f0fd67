import type { TokenView } from "@slipway/protocol/accounts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";
import { TOKEN_COLUMNS, type TokenTable, tokenView } from "../token-view.ts";

const LIVE = `SELECT ${TOKEN_COLUMNS} FROM tokens WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ${NOW}) ORDER BY created_at, id`;

/** Tokens that still open something. */
export function listTokens(db: Database): TokenView[] {
  return db.all<TokenTable>(LIVE).map(tokenView);
}
