import type { SandboxKind } from "@slipway/protocol/sandbox-kind";
import type { WorkerRow } from "../../rows.ts";
import type { Database } from "../database.ts";

interface WorkerTable {
  id: string;
  name: string;
  slots: number;
  verify_slots: number;
  sandbox: SandboxKind;
  capabilities: string;
  backends: string;
  version: string;
  draining: number;
  cordon: string | null;
  registered_at: number;
  last_seen_at: number;
}

const RUNNING = "SELECT worker_id AS workerId, id AS jobId, number, fence FROM jobs INDEXED BY jobs_leases WHERE state = 'running' ORDER BY number";

export function listWorkers(db: Database): WorkerRow[] {
  const running = db.all<{ workerId: string; jobId: string; number: number; fence: number }>(RUNNING);
  const byWorker = Map.groupBy(running, (job) => job.workerId);
  return db.all<WorkerTable>("SELECT * FROM workers ORDER BY name, id").map((row) => ({
    id: row.id,
    name: row.name,
    slots: row.slots,
    verifySlots: row.verify_slots,
    sandbox: row.sandbox,
    capabilities: JSON.parse(row.capabilities),
    backends: JSON.parse(row.backends),
    version: row.version,
    draining: row.draining === 1,
    cordon: row.cordon === null ? null : JSON.parse(row.cordon),
    registeredAt: row.registered_at,
    lastSeenAt: row.last_seen_at,
    running: (byWorker.get(row.id) ?? []).map(({ jobId, number, fence }) => ({ jobId, number, fence })),
  }));
}
