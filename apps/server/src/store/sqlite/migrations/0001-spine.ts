import { type Kysely, sql } from "kysely";

/** Jobs that are not final, as the partial indexes spell it. */
const ACTIVE = "state IN ('queued', 'running', 'integrating', 'blocked')";

const STATEMENTS = [
  `CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID`,

  `CREATE TABLE repositories (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, url TEXT, default_branch TEXT NOT NULL,
    max_running INTEGER NOT NULL, created_at INTEGER NOT NULL
  ) STRICT`,

  `CREATE TABLE tokens (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, sha256 TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL, expires_at INTEGER, last_used_at INTEGER, revoked_at INTEGER
  ) STRICT`,

  `CREATE TABLE workers (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, slots INTEGER NOT NULL, verify_slots INTEGER NOT NULL, sandbox TEXT NOT NULL,
    capabilities TEXT NOT NULL, backends TEXT NOT NULL, version TEXT NOT NULL, draining INTEGER NOT NULL DEFAULT 0,
    registered_at INTEGER NOT NULL, last_seen_at INTEGER NOT NULL
  ) STRICT`,

  // What changes with every step of a job; short rows, because an update writes the whole row again.
  `CREATE TABLE jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('task', 'verify')),
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'integrating', 'blocked', 'done', 'failed', 'cancelled')),
    repo_id TEXT NOT NULL REFERENCES repositories (id),
    backend TEXT NOT NULL, base_oid TEXT NOT NULL, target TEXT NOT NULL,
    lane TEXT NOT NULL, priority INTEGER NOT NULL, run_after INTEGER, dedupe_key TEXT, requires TEXT NOT NULL,
    max_attempts INTEGER NOT NULL, timeout_ms INTEGER NOT NULL, stall_ms INTEGER NOT NULL,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, ended_at INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0, fence INTEGER NOT NULL DEFAULT 0, lease_until INTEGER, worker_id TEXT,
    failure TEXT, result_oid TEXT, diff_stat TEXT, landed_oid TEXT,
    input_tokens INTEGER NOT NULL DEFAULT 0, cached_input_tokens INTEGER NOT NULL DEFAULT 0, output_tokens INTEGER NOT NULL DEFAULT 0,
    reasoning_tokens INTEGER NOT NULL DEFAULT 0, cost_usd REAL NOT NULL DEFAULT 0,
    last_seq INTEGER NOT NULL DEFAULT 0, packed_seq INTEGER NOT NULL DEFAULT 0, log_bytes INTEGER NOT NULL DEFAULT 0,
    unmet INTEGER NOT NULL DEFAULT 0, broken_dependency INTEGER,
    retry_of TEXT, completion_id TEXT,
    claim_rank INTEGER GENERATED ALWAYS AS (
      CASE kind WHEN 'verify' THEN 0 ELSE 100000 END
      + CASE lane WHEN 'interactive' THEN 0 WHEN 'normal' THEN 10000 ELSE 20000 END
      + 1000 - priority
    ) VIRTUAL,
    CHECK ((state = 'running') = (lease_until IS NOT NULL)),
    CHECK ((state IN ('done', 'failed', 'cancelled')) = (ended_at IS NOT NULL))
  ) STRICT`,

  // What a job keeps from its submission unchanged, long text included.
  `CREATE TABLE job_specs (
    job INTEGER PRIMARY KEY REFERENCES jobs (number),
    task TEXT NOT NULL, title TEXT NOT NULL, backend_config TEXT NOT NULL, depends_on TEXT NOT NULL, verify TEXT
  ) STRICT`,

  `CREATE TABLE dependencies (
    job INTEGER NOT NULL REFERENCES jobs (number), depends_on INTEGER NOT NULL REFERENCES jobs (number), PRIMARY KEY (job, depends_on)
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX dependents ON dependencies (depends_on)`,

  // Claims walk these two; everything that a candidate is judged by before its row is read stands in them.
  `CREATE INDEX jobs_claimable_tasks ON jobs (repo_id, claim_rank, number, run_after, requires) WHERE state = 'queued' AND unmet = 0 AND kind = 'task'`,
  `CREATE INDEX jobs_claimable_verifications ON jobs (claim_rank, number, run_after, requires) WHERE state = 'queued' AND unmet = 0 AND kind = 'verify'`,
  `CREATE INDEX jobs_running ON jobs (repo_id, kind) WHERE state = 'running'`,
  `CREATE INDEX jobs_leases ON jobs (lease_until) WHERE state = 'running'`,
  `CREATE INDEX jobs_of_worker ON jobs (worker_id) WHERE state = 'running'`,
  `CREATE INDEX jobs_delayed ON jobs (run_after) WHERE state = 'queued' AND run_after IS NOT NULL`,
  `CREATE INDEX jobs_broken ON jobs (number) WHERE state = 'queued' AND broken_dependency IS NOT NULL`,
  `CREATE INDEX jobs_unpacked ON jobs (ended_at, number) WHERE ended_at IS NOT NULL AND packed_seq < last_seq`,
  `CREATE INDEX jobs_active_verifications ON jobs (completion_id) WHERE kind = 'verify' AND ${ACTIVE}`,
  `CREATE INDEX jobs_by_state ON jobs (state, number)`,
  `CREATE INDEX jobs_by_repository ON jobs (repo_id, number)`,
  `CREATE UNIQUE INDEX jobs_dedupe ON jobs (dedupe_key) WHERE dedupe_key IS NOT NULL AND ${ACTIVE}`,
  `CREATE UNIQUE INDEX jobs_verification ON jobs (completion_id, base_oid) WHERE kind = 'verify'`,

  `CREATE TABLE attempts (
    job INTEGER NOT NULL REFERENCES jobs (number), fence INTEGER NOT NULL,
    claim_id TEXT NOT NULL UNIQUE, worker_id TEXT NOT NULL, worker_name TEXT NOT NULL, credential_sha256 TEXT NOT NULL,
    started_at INTEGER NOT NULL, ended_at INTEGER, outcome TEXT NOT NULL DEFAULT 'running', failure TEXT, reported TEXT,
    last_ordinal INTEGER NOT NULL DEFAULT 0, dropped_events INTEGER NOT NULL DEFAULT 0, dropped_bytes INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (job, fence)
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX attempts_by_credential ON attempts (credential_sha256)`,
  // At most one attempt of a job is at work: the last line of defence behind the claim's own condition.
  `CREATE UNIQUE INDEX attempts_at_work ON attempts (job) WHERE outcome = 'running'`,

  `CREATE TABLE artifacts (
    job INTEGER NOT NULL REFERENCES jobs (number), fence INTEGER NOT NULL, name TEXT NOT NULL,
    bytes INTEGER NOT NULL, sha256 TEXT NOT NULL, created_at INTEGER NOT NULL, PRIMARY KEY (job, fence, name)
  ) STRICT, WITHOUT ROWID`,

  // No foreign key: an event's number comes from the update of its job's row, which is there by then; the check would cost at every line.
  `CREATE TABLE events (
    job INTEGER NOT NULL, seq INTEGER NOT NULL, fence INTEGER, at INTEGER NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL, PRIMARY KEY (job, seq)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE event_segments (
    job INTEGER NOT NULL, last_seq INTEGER NOT NULL, first_seq INTEGER NOT NULL, packed BLOB NOT NULL, PRIMARY KEY (job, last_seq)
  ) STRICT, WITHOUT ROWID`,

  `CREATE TABLE completions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, job INTEGER NOT NULL REFERENCES jobs (number),
    repo_id TEXT NOT NULL REFERENCES repositories (id), oid TEXT NOT NULL, base_oid TEXT NOT NULL, target TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'landing', 'landed', 'rejected', 'cancelled')),
    fence INTEGER NOT NULL DEFAULT 0, lease_until INTEGER, claim_id TEXT, integrator_id TEXT, credential_sha256 TEXT,
    merged_oid TEXT, merged_tree TEXT, verify_job_id TEXT,
    intent_target TEXT, intent_old_oid TEXT, intent_new_oid TEXT, landed_oid TEXT, created_at INTEGER NOT NULL,
    CHECK (state <> 'landing' OR intent_new_oid IS NOT NULL)
  ) STRICT`,
  `CREATE INDEX completions_open ON completions (repo_id, target, seq) WHERE state IN ('pending', 'landing')`,
  `CREATE INDEX completions_leases ON completions (lease_until) WHERE state = 'pending' AND lease_until IS NOT NULL`,
  `CREATE INDEX completions_by_credential ON completions (credential_sha256) WHERE credential_sha256 IS NOT NULL`,
  `CREATE INDEX completions_of_job ON completions (job, seq)`,
  // A job lands at most once, whatever the code above does.
  `CREATE UNIQUE INDEX completions_landed ON completions (job) WHERE state = 'landed'`,

  `CREATE TABLE receipts (
    id INTEGER PRIMARY KEY, job INTEGER NOT NULL REFERENCES jobs (number), fence INTEGER NOT NULL,
    tree TEXT NOT NULL, gate TEXT NOT NULL, command TEXT NOT NULL, setup_digest TEXT NOT NULL, image TEXT NOT NULL, environment_digest TEXT NOT NULL,
    exit_code INTEGER NOT NULL, output_digest TEXT NOT NULL, duration_ms REAL NOT NULL
  ) STRICT`,
  `CREATE INDEX receipts_of_job ON receipts (job)`,
  `CREATE INDEX receipts_passing ON receipts (tree) WHERE exit_code = 0`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
