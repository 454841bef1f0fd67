import { SlipwayError } from "@slipway/protocol/errors";
import type { VerifySpec } from "@slipway/protocol/job";
import { isFinal, type JobState } from "@slipway/protocol/states";
import type { NewJob } from "../rows.ts";
import { NOW } from "./clock.ts";
import type { Database } from "./database.ts";
import { addNumberedEvent } from "./numbered-events.ts";

const INSERT_JOB = `
  INSERT INTO jobs (id, kind, state, repo_id, backend, base_oid, target, lane, priority, run_after, dedupe_key, requires, max_attempts,
    timeout_ms, stall_ms, queue_timeout_ms, due_at, created_at, updated_at, unmet, broken_dependency, retry_of, completion_id)
  VALUES (@id, @kind, 'queued', @repoId, @backend, @baseOid, @target, @lane, @priority, @runAfter, @dedupeKey, @requires, @maxAttempts,
    @timeoutMs, @stallMs, @queueTimeoutMs, CASE WHEN @unmet = 0 THEN max(${NOW}, COALESCE(@runAfter, 0)) + @queueTimeoutMs END,
    ${NOW}, ${NOW}, @unmet, @broken, @retryOf, @completionId)
  RETURNING number`;

const INSERT_SPEC = `
  INSERT INTO job_specs (job, task, title, backend_config, depends_on, verify, budget, turn_settings, cassette, routing)
  VALUES (@job, @task, @title, @backendConfig, @dependsOn, @verify, @budget, @turnSettings, @cassette, @routing)`;

const ADD_REVISION = `
  INSERT INTO revisions (job, of_job) SELECT @job, d.of_job FROM deliveries d JOIN jobs j ON j.number = d.job WHERE j.id = @revises`;

/** Stores a queued job with its first event; answers its number. Unknown dependencies: INVALID_REQUEST; an unknown repository: NOT_FOUND. */
export function insertJob(db: Database, job: NewJob, verify: VerifySpec | null): number {
  if (!db.get("SELECT 1 FROM repositories WHERE id = @id", { id: job.repoId })) {
    throw new SlipwayError("NOT_FOUND", `There is no repository ${job.repoId}.`, { repository: job.repoId });
  }
  const dependencies = findDependencies(db, job.dependsOn);
  const {
    task,
    title,
    backendConfig,
    dependsOn,
    requires,
    budget,
    permissions,
    mcpServers,
    readOnly,
    images = [],
    allowChecks,
    criteria = [],
    taskKind,
    taskSpec,
    revisions = null,
    record,
    replay,
    routing,
    landing = "train",
    ticket = null,
    submitter = null,
    revises = null,
    continues = null,
    ...columns
  } = job;
  const inserted = db.get<{ number: number }>(INSERT_JOB, {
    ...columns,
    requires: JSON.stringify(requires),
    unmet: dependencies.filter((dependency) => dependency.state !== "done").length,
    broken: dependencies.find((dependency) => isFinal(dependency.state) && dependency.state !== "done")?.number ?? null,
  });
  if (!inserted) throw new Error("a job was not inserted");
  const { number } = inserted;
  db.run(INSERT_SPEC, {
    job: number,
    task,
    title,
    backendConfig: JSON.stringify(backendConfig),
    dependsOn: JSON.stringify(dependsOn),
    verify: verify === null ? null : JSON.stringify(verify),
    budget: JSON.stringify(budget),
    turnSettings: JSON.stringify({
      permissions,
      mcpServers,
      readOnly,
      allowChecks,
      taskKind,
      taskSpec,
      ...(images.length > 0 ? { images } : {}),
      ...(criteria.length > 0 ? { criteria } : {}),
      ...(revisions === null ? {} : { revisions }),
      ...(landing === "train" ? {} : { landing }),
      ...(ticket === null ? {} : { ticket }),
      ...(submitter === null ? {} : { submitter }),
      ...(revises === null ? {} : { revises }),
      ...(continues === null ? {} : { continues }),
    }),
    cassette: JSON.stringify({ ...(record ? { record } : {}), ...(replay ? { replay } : {}) }),
    routing: routing ? JSON.stringify(routing) : null,
  });
  for (const digest of new Set(images.map(({ sha256 }) => sha256))) {
    db.run("INSERT INTO job_images (job, sha256) VALUES (@job, @sha256)", { job: number, sha256: digest });
  }
  if (revises !== null) db.run(ADD_REVISION, { job: number, revises });
  for (const dependency of dependencies) {
    db.run("INSERT INTO dependencies (job, depends_on) VALUES (@job, @dependsOn)", { job: number, dependsOn: dependency.number });
  }
  addNumberedEvent(db, number, null, { kind: "state", data: { from: null, to: "queued", on: "submit", reason: "submitted" } });
  if (routing) {
    const { cause, candidates } = routing;
    addNumberedEvent(db, number, null, { kind: "routing", data: { cause, backend: job.backend, from: null, candidates } });
  }
  return number;
}

function findDependencies(db: Database, ids: readonly string[]): Array<{ number: number; state: JobState }> {
  return [...new Set(ids)].map((id) => {
    const row = db.get<{ number: number; state: JobState }>("SELECT number, state FROM jobs WHERE id = @id", { id });
    if (!row) throw new SlipwayError("INVALID_REQUEST", `There is no job ${id} to depend on.`, { field: "dependsOn", job: id });
    return row;
  });
}
