import type { ResponseOf } from "@slipway/protocol/endpoints";
import type { JobView } from "@slipway/protocol/job";

/** What the list keeps of a job: with its task, 10,000 of them could be a gigabyte. */
export interface JobRow {
  readonly id: string;
  readonly number: number;
  readonly title: string;
  readonly state: JobView["state"];
  readonly kind: JobView["kind"];
  readonly taskKind: JobView["taskKind"];
  readonly repo: string;
  readonly backend: string;
  readonly lane: JobView["lane"];
  readonly code: string | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly endedAt: number | null;
  readonly costUsd: number;
  readonly tokens: number;
  readonly revision: string | null;
  readonly conflicts: boolean;
  readonly pullRequest: number | null;
}

function rowOf(job: JobView): JobRow {
  const { id, number, title, state, kind, taskKind, repo, backend, lane, failure, createdAt, updatedAt, endedAt, usage, revision, predicted, delivery } = job;
  return {
    ...{ id, number, title, state, kind, taskKind, repo: repo.name, backend, lane, createdAt, updatedAt, endedAt },
    code: state === "cancelled" ? null : (failure?.code ?? null),
    costUsd: usage.costUsd,
    tokens: usage.inputTokens + usage.outputTokens,
    revision: revision && endedAt === null ? `revision ${revision.number} of ${revision.of}` : null,
    conflicts: predicted.length > 0,
    pullRequest: delivery?.pullRequest?.number ?? null,
  };
}

/** A page of the list. */
export interface JobPage {
  readonly rows: JobRow[];
  readonly nextCursor: string | null;
}

export function pageOf({ jobs, nextCursor }: ResponseOf<"listJobs">): JobPage {
  return { rows: jobs.map(rowOf), nextCursor };
}
