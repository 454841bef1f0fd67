import type { AttemptContext } from "../attempt/context.ts";
import type { CommandResult } from "../sandbox/sandbox.ts";
import { whileUnreachable } from "./retry.ts";

/** What the server takes of one artifact. */
export const ARTIFACT_LIMIT_BYTES = 16 * 1_048_576;

/** Stores an artifact of the attempt; waits while the server is out of reach. The same name again replaces it. */
export async function storeArtifact(context: Pick<AttemptContext, "client" | "claim" | "signal">, name: string, bytes: Uint8Array): Promise<void> {
  const { client, claim, signal } = context;
  const whole = new Uint8Array(bytes.subarray(0, ARTIFACT_LIMIT_BYTES));
  await whileUnreachable(signal, () => client.putArtifact(claim.job.id, claim.fence, name, whole, signal));
}

/** A command's output as it goes into an artifact: whole, or its beginning and a last line that says how much is missing. */
export function wholeOutput(result: Pick<CommandResult, "output" | "droppedBytes">): Buffer {
  if (result.droppedBytes === 0 && result.output.length <= ARTIFACT_LIMIT_BYTES) return result.output;
  const roomBytes = ARTIFACT_LIMIT_BYTES - 200;
  const dropped = result.droppedBytes + Math.max(0, result.output.length - roomBytes);
  return Buffer.concat([result.output.subarray(0, roomBytes), Buffer.from(`\n[slipway: ${dropped} more bytes were not kept]\n`)]);
}
