import { SlipwayError } from "@slipway/protocol/errors";
import type { Store } from "../../store.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

// A call's row goes with the artifacts of its job: what has been dropped does not come back.
const PUT = `
  INSERT INTO artifacts (job, fence, name, bytes, sha256, created_at)
  SELECT job, fence, @name, @bytes, @sha256, ${NOW} FROM model_calls WHERE id = @callId
  ON CONFLICT (job, fence, name) DO UPDATE SET bytes = excluded.bytes, sha256 = excluded.sha256, created_at = excluded.created_at`;

/** Not bound to the attempt's lease: the last call of an attempt may be told of after its end. */
export function putCassette(db: Database, ...[callId, artifact]: Parameters<Store["putCassette"]>): void {
  const { name, bytes, sha256 } = artifact;
  if (db.run(PUT, { callId, name, bytes, sha256 }) === 0) throw new SlipwayError("NOT_FOUND", `There is no model call ${callId}.`, { callId });
}
