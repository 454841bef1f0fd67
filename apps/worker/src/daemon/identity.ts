import { idSchema, newId } from "@slipway/protocol/scalars";
import { z } from "zod";
import { readJson, writeJson } from "./durable-file.ts";

const identitySchema = z.object({ workerId: idSchema });

/** The worker's id, kept across restarts so that the server gives it back its live leases. */
export async function readIdentity(path: string): Promise<string> {
  const known = await readJson(path, identitySchema);
  if (known) return known.workerId;
  const workerId = newId();
  await writeJson(path, { workerId }, { durable: true });
  return workerId;
}
