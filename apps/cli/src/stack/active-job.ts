import type { Client } from "@slipway/protocol/client";

/** Id of a job at work, undefined where there is none, null where the server does not say. */
export async function activeJob(client: Client): Promise<string | undefined | null> {
  try {
    const { jobs } = await client.call("listJobs", { query: { state: ["queued", "running", "integrating"], limit: 200 } });
    return jobs.find((job) => job.state !== "queued" || (job.runAfter ?? 0) < Date.now() + 60_000)?.id;
  } catch {
    return null; // The server is being restarted; asked again shortly.
  }
}
