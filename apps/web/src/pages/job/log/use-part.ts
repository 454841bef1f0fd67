import type { JobEvent } from "@slipway/protocol/events";
import { type UseQueryResult, useQuery } from "@tanstack/react-query";
import { call } from "../../../api/call.ts";
import type { ApiFailure } from "../../../api/failure.ts";
import { type LogPart, LogStore } from "./log-store.ts";

/** Events that are asked for at once: a piece of the log is 16 KiB at most. */
const PAGE_EVENTS = 500;

/** The lines between two places where a log can be read anew. Not kept when nobody looks at them: parts are let go to save memory. */
export function usePart(job: string, part: LogPart, next: LogPart | undefined): UseQueryResult<LogStore, ApiFailure> {
  return useQuery<LogStore, ApiFailure>({
    queryKey: ["log-part", job, part.after],
    gcTime: 0,
    structuralSharing: false,
    queryFn: async ({ signal }) => await readPart(job, part, next?.after ?? Number.POSITIVE_INFINITY, signal),
  });
}

async function readPart(job: string, part: LogPart, until: number, signal: AbortSignal): Promise<LogStore> {
  const store = new LogStore(undefined, part.seed);
  for (let after = part.after; after < until; ) {
    const limit = Math.min(PAGE_EVENTS, until - after);
    const { events, lastSeq, gapTo } = await call("listEvents", { params: { job }, query: { after, limit } }, signal);
    if (gapTo !== null && gapTo > after) store.missing(after + 1, gapTo + 1);
    for (const event of events as JobEvent[]) store.take(event);
    after = events.at(-1)?.seq ?? lastSeq;
    if (events.length === 0 || after >= lastSeq) break;
  }
  return store;
}
