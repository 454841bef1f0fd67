import type { Client } from "@slipway/protocol/client";
import type { JobEvent } from "@slipway/protocol/events";
import type { JobDetail } from "@slipway/protocol/job";
import type { Screen } from "../terminal/screen.ts";

export interface FollowOptions {
  readonly after?: number;
  readonly signal: AbortSignal;
  readonly onEvent: (event: JobEvent) => void;
}

/**
 * Follows a job until it is final or blocked, and gives all of it then. A connection that breaks is taken up again; the screen hears of
 * the first break only.
 */
export async function followJob(client: Client, jobId: string, screen: Screen, options: FollowOptions): Promise<JobDetail> {
  let told = false;
  const onRetry = (): void => {
    if (!told) screen.progress(screen.colors.yellow("           ! the server does not answer; waiting for it …"));
    told = true;
  };
  for await (const frame of client.follow(jobId, { after: options.after ?? 0, signal: options.signal, onRetry })) {
    if (frame.type === "gap") screen.warn(`Events ${frame.fromSeq} to ${frame.nextSeq - 1} are no longer kept.`);
    if (frame.type !== "event") continue;
    told = false;
    options.onEvent(frame.event);
    // A blocked job waits for a person, and so for the end of this command.
    if (frame.event.kind === "state" && frame.event.data.to === "blocked") break;
  }
  return await client.call("getJob", { params: { job: jobId }, signal: options.signal });
}
