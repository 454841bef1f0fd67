import type { AttemptReceipts } from "../../rows.ts";
import type { Database } from "../database.ts";
import { RECEIPT_COLUMNS, type ReceiptTable, receiptView } from "../receipt-row.ts";

export function receiptsFor(db: Database, tree: string): AttemptReceipts {
  return db.all<ReceiptTable>(`SELECT ${RECEIPT_COLUMNS} FROM receipts WHERE tree = @tree AND exit_code = 0 ORDER BY id`, { tree }).map(receiptView);
}
