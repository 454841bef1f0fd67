import { useSyncExternalStore } from "react";
import { distance, duration, moment } from "./format.ts";

/** One clock for the whole page, which ticks once a second while anything shows it. */
const listeners = new Set<() => void>();
let now = Date.now();
let timer: ReturnType<typeof setInterval> | null = null;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const tell of listeners) tell();
  }, 1_000);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0 || timer === null) return;
    clearInterval(timer);
    timer = null;
  };
}

/** The time, a second at a time. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

/** How long ago or ahead a moment is; the moment itself is its title. */
export function Ago({ at }: { at: number }) {
  const time = useNow();
  return (
    <time dateTime={new Date(at).toISOString()} title={moment(at)}>
      {distance(at, Math.max(time, at > time ? time : at))}
    </time>
  );
}

/** How long something took, or has taken so far. */
export function Took({ from, to }: { from: number; to: number | null }) {
  return to === null ? <TakesSince from={from} /> : <span>{duration(to - from)}</span>;
}

function TakesSince({ from }: { from: number }) {
  return <span>{duration(Math.max(0, Math.floor((useNow() - from) / 1_000) * 1_000))}</span>;
}
