import type { TokenView } from "@slipway/protocol/accounts";
import type { Store } from "../../store.ts";
import { recordAct } from "../audit.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";
import { TOKEN_COLUMNS, type TokenTable, tokenView } from "../token-view.ts";

const INSERT = `
  INSERT INTO tokens (id, name, role, sha256, created_at, expires_at) VALUES (@id, @name, @role, @sha256, ${NOW}, @expiresAt)
  RETURNING ${TOKEN_COLUMNS}`;

/** A digest that is already there: CONFLICT. */
export function createToken(db: Database, ...[input, by]: Parameters<Store["createToken"]>): TokenView {
  const { id, name, role, sha256, expiresAt } = input;
  const row = db.get<TokenTable>(INSERT, { id, name, role, sha256, expiresAt });
  if (!row) throw new Error("a token was not inserted");
  recordAct(db, by, { action: "createToken", kind: "token", key: id, outcome: "ok" });
  return tokenView(row);
}
