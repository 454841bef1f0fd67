import { createContext, type ReactNode, use, useEffect, useState, useSyncExternalStore } from "react";
import { useLink } from "../../../api/link.tsx";
import { JobStream, type StreamStatus } from "./job-stream.ts";
import type { ToldEvent } from "./kept-events.ts";

const StreamContext = createContext<JobStream | null>(null);

/** Gives what is below it the events of one job; for another job it has to be another one, by its key. */
export function StreamProvider({ job, lastSeq, children }: { job: string; lastSeq: number; children: ReactNode }) {
  const [stream] = useState(() => new JobStream(job, lastSeq));
  const { status } = useLink().state;
  useEffect(() => {
    stream.open();
    return () => stream.close();
  }, [stream]);
  useEffect(() => {
    if (status === "live") stream.retry();
  }, [stream, status]);
  return <StreamContext value={stream}>{children}</StreamContext>;
}

/** The job's events; whoever asks is shown anew when there are more. */
export function useStream(): JobStream {
  const stream = use(StreamContext);
  if (!stream) throw new TypeError("there is no job here");
  useSyncExternalStore(stream.subscribe, () => stream.version);
  return stream;
}

/** All events but the log's, oldest first; whoever asks is shown anew only when one of these comes. */
export function useEvents(): readonly ToldEvent[] {
  const stream = use(StreamContext);
  if (!stream) throw new TypeError("there is no job here");
  return useSyncExternalStore(stream.subscribe, () => stream.events.all);
}

/** How the page stands to the job's events. */
export function useStreamStatus(): StreamStatus {
  const stream = use(StreamContext);
  if (!stream) throw new TypeError("there is no job here");
  return useSyncExternalStore(stream.subscribe, () => stream.state);
}
