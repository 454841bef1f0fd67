import type { Receipt } from "@slipway/protocol/job";

export interface ReceiptTable {
  tree: string;
  gate: string;
  command: string;
  setup_digest: string;
  image: string;
  environment_digest: string;
  exit_code: number;
  output_digest: string;
  duration_ms: number;
}

export const RECEIPT_COLUMNS = "tree, gate, command, setup_digest, image, environment_digest, exit_code, output_digest, duration_ms";

export function receiptView(row: ReceiptTable): Receipt {
  return {
    tree: row.tree,
    gate: row.gate,
    command: row.command,
    setupDigest: row.setup_digest,
    image: row.image,
    environmentDigest: row.environment_digest,
    exitCode: row.exit_code,
    outputDigest: row.output_digest,
    durationMs: row.duration_ms,
  };
}
