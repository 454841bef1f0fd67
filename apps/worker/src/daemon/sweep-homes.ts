import type { Client } from "@slipway/protocol/client";
import { SlipwayError } from "@slipway/protocol/errors";
import { isFinal } from "@slipway/protocol/states";
import type { Logger } from "pino";
import type { Homes } from "./homes.ts";

/** Removes the homes of jobs that the server says are final, or does not know. A server that does not answer is asked again the next time. */
export async function sweepHomes(homes: Homes, client: Pick<Client, "call">, log: Logger, signal: AbortSignal): Promise<void> {
  try {
    await homes.sweep(async (jobId) => {
      try {
        const { job } = await client.call("getJob", { params: { job: jobId }, signal });
        return isFinal(job.state);
      } catch (error) {
        if (error instanceof SlipwayError && error.code === "NOT_FOUND") return true;
        throw error;
      }
    });
  } catch (error) {
    if (!signal.aborted) log.warn({ err: error }, "homes of ended jobs could not be swept; tried again after the next job");
  }
}
