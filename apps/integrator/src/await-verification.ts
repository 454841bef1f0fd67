import type { Client } from "@slipway/protocol/client";
import type { ClaimedCompletion, LandRequest, VerifyResponse } from "@slipway/protocol/integrator-api";
import { isFinal } from "@slipway/protocol/states";
import { insistOnServer } from "./insist.ts";

/** How long one question for the verify job is held by the server, in ms. */
const HOLD_MS = 30_000;

export type Verdict = Exclude<VerifyResponse, { status: "waiting" }>;

/**
 * Asks for receipts of the merged commit and waits for the verify job that makes them; ends with the server's verdict, or when `signal` aborts. `run` 2: a second
 * verify job where the first was red.
 */
export async function awaitVerification(
  client: Client,
  claimed: ClaimedCompletion,
  merged: LandRequest & { readonly run: number },
  signal: AbortSignal,
): Promise<Verdict> {
  const params = { completion: claimed.completion.id, fence: claimed.fence };
  for (;;) {
    const answer = await insistOnServer(() => client.call("verifyCompletion", { params, body: merged, signal }), signal);
    if (answer.status !== "waiting") return answer;
    await awaitJob(client, answer.verifyJobId, signal);
  }
}

/** Ends when the job is final, or blocked: then it is the server that decides what becomes of the completion. */
async function awaitJob(client: Client, jobId: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    const { job } = await insistOnServer(() => client.call("getJob", { params: { job: jobId }, query: { waitMs: HOLD_MS }, signal }), signal);
    if (isFinal(job.state) || job.state === "blocked") return;
  }
}
