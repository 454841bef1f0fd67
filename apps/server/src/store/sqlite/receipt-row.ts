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
  failure_digest: string | null;
  flaky: number;
  coverage: string | null;
  created_at: number | null;
  job: number;
}

export const RECEIPT_COLUMNS =
  "tree, gate, command, setup_digest, image, environment_digest, exit_code, output_digest, duration_ms, failure_digest, flaky, coverage, created_at, job";

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
    ...(row.failure_digest === null ? {} : { failureDigest: row.failure_digest }),
    ...(row.flaky === 0 ? {} : { flaky: true }),
    ...(row.coverage === null ? {} : { coverage: JSON.parse(row.coverage) }),
    ...(row.created_at === null ? {} : { at: row.created_at }),
    job: row.job,
  };
}
