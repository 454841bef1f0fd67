import type { AttemptReceipts } from "../../rows.ts";
import type { Database } from "../database.ts";
import { RECEIPT_COLUMNS, type ReceiptTable, receiptView } from "../receipt-row.ts";

const PASSING = `
  SELECT ${RECEIPT_COLUMNS} FROM receipts
  WHERE tree = @tree AND exit_code = 0 AND job IN (SELECT number FROM jobs WHERE repo_id = @repoId AND kind = 'verify')
  ORDER BY id`;

export function receiptsFor(db: Database, repoId: string, tree: string): AttemptReceipts {
  return db.all<ReceiptTable>(PASSING, { repoId, tree }).map(receiptView);
}
