import { SlipwayError } from "@slipway/protocol/errors";
import type { JobDetail, JobView } from "@slipway/protocol/job";
import type { RepositoryRow, Store } from "../store/store.ts";

/** The job by id or number, or NOT_FOUND. */
export async function findJob(store: Store, idOrNumber: string): Promise<JobView> {
  const job = await store.getJob(idOrNumber);
  if (!job) throw new SlipwayError("NOT_FOUND", `There is no job ${idOrNumber}.`, { job: idOrNumber });
  return job;
}

/** Everything about the job, by id or number, or NOT_FOUND. */
export async function findJobDetail(store: Store, idOrNumber: string): Promise<JobDetail> {
  const { id } = await findJob(store, idOrNumber);
  const detail = await store.getJobDetail(id);
  if (!detail) throw new SlipwayError("NOT_FOUND", `There is no job ${idOrNumber}.`, { job: idOrNumber });
  return detail;
}

/** The repository by id or name, or NOT_FOUND. */
export async function findRepository(store: Store, idOrName: string): Promise<RepositoryRow> {
  const repository = await store.getRepository(idOrName);
  if (!repository)
    throw new SlipwayError("NOT_FOUND", `There is no repository ${idOrName}.`, {
      repo: idOrName,
      hint: "Register it first; `slipway run` in a checkout does it by itself.",
    });
  return repository;
}
