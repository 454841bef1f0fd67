import type { Client } from "@slipway/protocol/client";
import { SlipwayError } from "@slipway/protocol/errors";
import type { JobEvent } from "@slipway/protocol/events";
import type { JobDetail, SubmitJobInput } from "@slipway/protocol/job";
import { isFinal } from "@slipway/protocol/states";

/** Submits a job for the script backend; `turns` are its steps, a list for each turn. */
export async function submitScript(client: Client, repo: string, turns: unknown[][], more: Partial<SubmitJobInput> = {}): Promise<string> {
  const body = { repo, task: "Do what the script says", backend: "script", backendConfig: { script: { turns: turns.map((steps) => ({ steps })) } }, ...more };
  return (await client.call("submitJob", { body })).job.id;
}

/** Waits until a job is final or blocked; a server that is away is waited for, as every client does. */
export async function ended(client: Client, job: string, signal?: AbortSignal): Promise<JobDetail> {
  for (;;) {
    try {
      const detail = await client.call("getJob", { params: { job }, query: { waitMs: 20_000 }, ...(signal ? { signal } : {}) });
      if (isFinal(detail.job.state) || detail.job.state === "blocked") return detail;
    } catch (error) {
      if (!(error instanceof SlipwayError) || error.code !== "SERVER_UNAVAILABLE") throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** All events of a job, and a complaint where their numbers have a hole or repeat. */
export async function allEvents(client: Client, job: string): Promise<JobEvent[]> {
  const events: JobEvent[] = [];
  for await (const frame of client.follow(job)) if (frame.type === "event") events.push(frame.event);
  events.forEach((event, index) => {
    if (event.seq !== index + 1) throw new Error(`event ${index + 1} of job ${job} has the number ${event.seq}`);
  });
  return events;
}

/** The text of a log stream. */
export function logText(events: readonly JobEvent[], stream: string): string {
  return events.flatMap((event) => (event.kind === "log" && event.data.stream === stream ? [event.data.text] : [])).join("");
}
