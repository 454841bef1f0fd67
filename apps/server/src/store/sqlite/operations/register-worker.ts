import type { RegisterWorker } from "@slipway/protocol/worker-api";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

// A worker that starts anew is no longer draining.
const REGISTER = `
  INSERT INTO workers (id, name, slots, verify_slots, sandbox, capabilities, backends, version, registered_at, last_seen_at)
  VALUES (@workerId, @name, @slots, @verifySlots, @sandbox, @capabilities, @backends, @version, ${NOW}, ${NOW})
  ON CONFLICT (id) DO UPDATE SET name = excluded.name, slots = excluded.slots, verify_slots = excluded.verify_slots, sandbox = excluded.sandbox,
    capabilities = excluded.capabilities, backends = excluded.backends, version = excluded.version, draining = 0,
    registered_at = excluded.registered_at, last_seen_at = excluded.last_seen_at`;

export function registerWorker(db: Database, worker: RegisterWorker): void {
  const { workerId, name, slots, verifySlots, sandbox, version } = worker;
  const lists = { capabilities: JSON.stringify(worker.capabilities), backends: JSON.stringify(worker.backends) };
  db.run(REGISTER, { workerId, name, slots, verifySlots, sandbox, version, ...lists });
}
