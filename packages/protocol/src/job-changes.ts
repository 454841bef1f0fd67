import type { JobDetail } from "./job.ts";

/** Commits with work of a job's agent that the hub has, by the names that people give for them. Free of schemas, so that a page may count them by itself. */

/** Why a commit is there: it is what the attempt ended with, it was kept of an attempt that failed, a check or critic sent it back, or a person accepted it. */
export type JobChangeKind = "change" | "kept" | "refused" | "accepted";

/** One of them. */
export interface JobChange {
  /** `2` for what attempt 2 ended with, `2.1` for the first of its changes that was sent back, `accepted` for another job's work that a person accepted. */
  readonly id: string;
  /** The attempt; null for accepted work. */
  readonly fence: number | null;
  /** Place among the changes that its attempt made, from 1; null where that is not known, as of the last one. */
  readonly number: number | null;
  readonly oid: string;
  readonly kind: JobChangeKind;
  /** The checks that sent it back; empty where none did, or that is not known. */
  readonly refusedBy: readonly string[];
}

/** All of them, oldest first. An attempt at work has none yet. */
export function changesOf({ job, attempts }: Pick<JobDetail, "job" | "attempts">): JobChange[] {
  const changes = attempts.flatMap(({ fence, changeOid, keptOid, keptRed, earlier }): JobChange[] => {
    const last = changeOid ?? keptOid;
    const before = earlier.filter(({ oid }) => oid !== last);
    const refused = before.map(({ number, oid, refusedBy }): JobChange => ({ id: `${fence}.${number}`, fence, number, oid, kind: "refused", refusedBy }));
    if (last === null) return refused;
    const known = earlier.find(({ oid }) => oid === last);
    // Of those before it some may have stayed with their worker, so that they do not tell its place.
    const number = known?.number ?? null;
    const refusedBy = known?.refusedBy ?? (keptRed ?? []).map(({ name }) => name);
    return [...refused, { id: String(fence), fence, number, oid: last, kind: changeOid === null ? "kept" : "change", refusedBy }];
  });
  // Of a job that lands what a person accepted, another job's attempts made it.
  const isElsewhere = job.resultOid !== null && !changes.some(({ oid }) => oid === job.resultOid);
  return isElsewhere ? [...changes, { id: "accepted", fence: null, number: null, oid: job.resultOid as string, kind: "accepted", refusedBy: [] }] : changes;
}
