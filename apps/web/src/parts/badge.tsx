import type { JobState } from "@slipway/protocol/states";
import type { ReactNode } from "react";
import css from "./parts.module.css";

/** What a colour says: it went well, look at this, it went wrong, it is under way, it waits. Never the colour alone: there is always a word beside it. */
export type Tone = "ok" | "warn" | "bad" | "info" | "idle";

/** A word with a colour behind it. */
export function Badge({ tone, children }: { tone: Tone; children: ReactNode }) {
  return <span className={`${css["badge"]} ${css[tone]}`}>{children}</span>;
}

const TONES: Readonly<Record<JobState, Tone>> = {
  queued: "idle",
  running: "info",
  integrating: "info",
  blocked: "warn",
  done: "ok",
  failed: "bad",
  cancelled: "idle",
};

/** The state of a job, in the words of the command line. */
export function StateBadge({ state }: { state: JobState }) {
  return <Badge tone={TONES[state]}>{state === "blocked" ? "needs you" : state}</Badge>;
}
