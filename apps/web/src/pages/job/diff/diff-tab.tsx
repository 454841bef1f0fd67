import type { JobDetail } from "@slipway/protocol/job";

export function DiffTab({ detail }: { detail: JobDetail }) {
  return <p>Job {detail.job.number}</p>;
}
