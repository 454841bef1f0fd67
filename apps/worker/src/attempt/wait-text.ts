import type { WarmTrouble } from "../daemon/warm-troubles.ts";

/** What a job says while it waits for its container: for one that is being started `ahead` of jobs, or for its `own`; and why there is none, where that is known. */
export function waitText(what: "ahead" | "own", image: string | undefined, trouble: WarmTrouble | undefined): string {
  const container = image === undefined ? "container" : `container of ${image}`;
  if (what === "ahead") return `The job waits for a ${container}, which is being started.`;
  const why = trouble === undefined ? "" : ` None can be started ahead: ${trouble.reason}`;
  return `No ${container} was ready: one is being started for this job.${why}`.slice(0, 20_000);
}
