import type { RefusedCalls } from "../../rows.ts";
import { REFUSAL_ROWS_PER_HOUR } from "../../store.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

const HOUR = `${NOW} / 3600000`;

const ADD = `
  UPDATE audit SET count = count + @count, last_at = ${NOW}
  WHERE hour = ${HOUR} AND action = @action AND outcome = @outcome
    AND COALESCE(token_id, '') = COALESCE(@tokenId, '') AND COALESCE(address, '') = COALESCE(@address, '')`;

const INSERT = `
  INSERT INTO audit (at, last_at, count, action, token_id, token_name, role, address, outcome, hour)
  VALUES (${NOW}, ${NOW}, @count, @action, @tokenId, @tokenName, @role, @address, @outcome, ${HOUR})`;

const ROWS = `SELECT count(*) AS rows FROM audit INDEXED BY audit_refusals WHERE hour IS NOT NULL AND hour = ${HOUR} AND action <> 'others'`;

/** Somebody who tries a hundred addresses and tokens fills no disk: beyond the limit only the number grows. */
export function countRefusals(db: Database, refused: readonly RefusedCalls[]): void {
  for (const { action, token, address, outcome, count } of refused) {
    const row = { action, outcome, count, tokenId: token?.tokenId ?? null, tokenName: token?.tokenName ?? null, role: token?.role ?? null, address };
    if (db.run(ADD, row) > 0) continue;
    if ((db.get<{ rows: number }>(ROWS)?.rows ?? 0) < REFUSAL_ROWS_PER_HOUR) db.run(INSERT, row);
    else {
      const others = { ...row, action: "others", tokenId: null, tokenName: null, role: null, address: null };
      if (db.run(ADD, others) === 0) db.run(INSERT, others);
    }
  }
}
