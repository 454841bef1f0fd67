import type { AttemptContext } from "../attempt/context.ts";
import { whileUnreachable } from "./retry.ts";

const EXCERPT_LIMIT_CHARACTERS = 2_000;

/** Tells the server of a failure that was gone when its gate was run again on the same files. It counts a failure once a job. */
export async function tellFlake(
  { claim, client, signal }: AttemptContext,
  gate: string,
  { failureDigest, excerpt }: { readonly failureDigest: string; readonly excerpt: string },
): Promise<void> {
  const params = { job: claim.job.id, fence: claim.fence };
  const body = { gate, failureDigest, excerpt: excerpt.slice(-EXCERPT_LIMIT_CHARACTERS).toWellFormed() };
  await whileUnreachable(signal, () => client.call("recordFlake", { params, body, signal }));
}
