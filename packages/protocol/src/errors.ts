/**
 * The one table of failures. Every failure that a user, a client or a job can meet has a row here: its HTTP status, what may be done about it
 * (`retry`), one sentence that says what happened and one that says what to do next. `docs/errors.md` is generated from it.
 */

/**
 * What happens to a job that fails with a code:
 * - `requeue`: tried again, up to the job's `maxAttempts`, then it fails with this code;
 * - `final`: the job fails at once, another try would end the same way;
 * - `person`: the job is blocked until a person acts (then `slipway retry`);
 * - `client`: not a job's ending; the caller of the API mends the request, or calls again where `retryAfterMs` is given.
 */
export type RetryPolicy = "requeue" | "final" | "person" | "client";

/**
 * What an attempt's end with a code says of its backend:
 * - `down`: the backend, its agent or its vendor does not work: the job goes on with its next fallback, and it counts against the backend;
 * - `unfit`: it cannot do this job, and may do others: the next fallback, and nothing is held against it;
 * - `works`: the agent did its part; what failed is the task's or the change's own;
 * - null: nothing, such as a worker that was stopped.
 */
export type BackendVerdict = "down" | "unfit" | "works" | null;

/** What the table says of a code. */
export interface ErrorRow {
  /** HTTP status of an API answer that carries this code. */
  readonly status: number;
  readonly retry: RetryPolicy;
  /** What happened, in one sentence for a person. */
  readonly message: string;
  /** What to do next, in one sentence. */
  readonly hint: string;
  /** What it says of the backend whose attempt ended so. */
  readonly backend: BackendVerdict;
}

function row(status: number, retry: RetryPolicy, message: string, hint: string, backend: BackendVerdict = null): ErrorRow {
  return { status, retry, message, hint, backend };
}

/** The table, in the order of a job's way. A new failure is a new row here. */
export const ERRORS = {
  // Requests
  INVALID_REQUEST: row(400, "client", "The request does not have the expected form.", "Mend the field that the details name and send it again."),
  INVALID_CONFIG: row(
    400,
    "final",
    "A configuration file does not have the expected form.",
    "Mend the field or line that the details name, then submit again.",
  ),
  UNAUTHENTICATED: row(
    401,
    "client",
    "The request carries no valid token.",
    "Name a file with a valid token in SLIPWAY_TOKEN_FILE; for a server that runs on your own data folder none is needed.",
  ),
  FORBIDDEN: row(403, "client", "The token's role does not allow this.", "Use a token with one of the roles that the details name."),
  ORIGIN_REFUSED: row(
    403,
    "client",
    "The request comes from a web page that is not allowed.",
    "Open the page that the server itself serves, or start the server with the page's origin in `--allowed-origin`.",
  ),
  CSRF_REFUSED: row(
    403,
    "client",
    "The request came with a browser's session and without that session's CSRF token.",
    "Reload the page. A client of its own sends its token in the header `Authorization: Bearer`.",
  ),
  NOT_FOUND: row(404, "client", "There is nothing with this name.", "Check the name or number; `slipway jobs` lists the jobs."),
  CONFLICT: row(409, "client", "The thing is not in a state that allows this.", "Look at it with `slipway show` and try what its state allows."),
  PAYLOAD_TOO_LARGE: row(413, "client", "The request is larger than the server takes.", "Send less at a time; the details name the limit in bytes."),
  DISK_FULL: row(
    507,
    "requeue",
    "There is no room left under the data folder.",
    "Free disk space: accepted jobs are kept and go on. Or stop Slipway, move the data folder and name its new place in SLIPWAY_DATA.",
  ),
  SERVER_UNAVAILABLE: row(503, "client", "The server does not answer.", "Start it with `slipway up`, or set SLIPWAY_URL to the one you mean."),
  DATA_FOLDER_IN_USE: row(
    503,
    "client",
    "Another process already uses this data folder.",
    "Stop the process that the details name, or choose another folder with SLIPWAY_DATA.",
  ),
  INTERNAL: row(
    500,
    "requeue",
    "Slipway itself failed.",
    "Look at the server's log; if it happens again, report it with the output of `slipway doctor --json`.",
  ),
  // Leases
  LEASE_LOST: row(
    409,
    "requeue",
    "The worker's lease on the job is over; another attempt may own it now.",
    "Nothing to do: the stale attempt stops by itself and the job goes on elsewhere.",
  ),
  WORKER_STOPPED: row(
    409,
    "requeue",
    "The worker was stopped while it worked on the job.",
    "Nothing to do: the job is tried again as soon as a worker is free.",
  ),
  ATTEMPT_TIMEOUT: row(
    504,
    "requeue",
    "The attempt took longer than its time, and its worker did not end it.",
    "Nothing to do: it is tried again; if it happens often, look at the worker's log.",
  ),
  QUEUE_TIMEOUT: row(
    504,
    "final",
    "No worker took the job in its queue time.",
    "See with `slipway doctor` that a worker runs which has what the job requires, then `slipway retry`.",
  ),
  INTEGRATION_TIMEOUT: row(
    504,
    "final",
    "The job's commit was not integrated in time.",
    "See with `slipway doctor` that an integrator runs, then `slipway retry`; the details name the commit, which the hub keeps for a while.",
  ),
  // Preparing
  SECRET_MISSING: row(
    422,
    "person",
    "A secret that the backend needs is not there.",
    "Provide the secret that the details name, then `slipway retry`.",
    "unfit",
  ),
  REPOSITORY_UNREACHABLE: row(
    502,
    "requeue",
    "The repository could not be fetched.",
    "Check the address and the credentials; `git ls-remote ADDRESS` should answer.",
  ),
  UPSTREAM_AUTH: row(
    502,
    "client",
    "The repository's own address takes no credential of ours: none is set, or it is wrong, has expired or may not do this.",
    "Put a token, or the path of a deploy key, into the server's secrets and name it: `slipway repos set NAME --credential SECRET` (docs/guides/upstream.md).",
  ),
  UPSTREAM_HOST_UNKNOWN: row(
    502,
    "client",
    "The host of the repository's address does not show a key or a certificate that is known.",
    "For ssh, compare the host's key and name a file with it: `slipway repos set NAME --known-hosts FILE`; for https, name the authority's certificate in `extraCaCerts`.",
  ),
  UPSTREAM_NOT_FOUND: row(
    502,
    "client",
    "There is no repository at the address: it was removed or renamed, or the credential may not see it.",
    "Look at the address in a browser; where it was renamed, register it again under the new address with `slipway repos add`.",
  ),
  UPSTREAM_REJECTED: row(
    502,
    "client",
    "The repository's own address refuses the push: the branch is protected, or a hook of the host says no.",
    "What landed stays on the hub. Let the credential push to that branch, or land by pull requests; then `slipway repos sync NAME`.",
  ),
  UPSTREAM_DIVERGED: row(
    409,
    "client",
    "The hub and the repository's own address each have commits on the branch that the other has not.",
    "Look at both, then take one: `slipway repos resolve NAME --branch BRANCH --take upstream` or `--take hub`.",
  ),
  REPOSITORY_EMPTY: row(422, "final", "The repository has no commit to start from.", "Make a first commit, then submit again."),
  BASE_NOT_FOUND: row(422, "final", "The base of the job is not in the repository.", "Name a branch or commit that exists, with --base."),
  WORKSPACE_FAILED: row(
    500,
    "requeue",
    "The workspace could not be made.",
    "Look at the details: often the disk is full, which `slipway doctor` tells, or the repository is damaged.",
  ),
  JOB_IMAGE_MISSING: row(422, "final", "An image of the job is not kept any more.", "Submit the task again with its images: `slipway run --image FILE`."),
  SETUP_FAILED: row(
    422,
    "final",
    "A setup command of the repository failed.",
    "Run the command yourself on a fresh clone; `slipway show JOB --artifact setup.log` prints its whole output.",
  ),
  SANDBOX_UNAVAILABLE: row(
    422,
    "person",
    "The sandbox could not be set up as asked.",
    "Install bubblewrap (`apt install bubblewrap`), or ask for no isolation with `--sandbox none`.",
  ),
  // Containers and their images
  ENGINE_UNAVAILABLE: row(
    503,
    "person",
    "The container engine does not answer, or refuses.",
    "Start it, or name another in DOCKER_HOST; `slipway images doctor` tries it.",
  ),
  IMAGE_BUILD_FAILED: row(
    500,
    "client",
    "An image could not be built.",
    "Mend what its last lines name, then `slipway images build` again: steps that were built are not built again.",
  ),
  // Backends
  BACKEND_NOT_INSTALLED: row(422, "person", "No worker has the backend.", "Install the backend on a worker; `slipway backends` says how.", "down"),
  BACKEND_BROKEN: row(
    422,
    "person",
    "The backend is installed, and cannot be loaded.",
    "Mend the plugin as the details say; `slipway backends` shows whether it can be loaded now. Then `slipway retry`.",
    "down",
  ),
  AGENT_INSTALL_FAILED: row(
    500,
    "client",
    "The agent could not be installed.",
    "Look at the last lines that the details hold: often the registry is out of reach. Then `slipway backends install` again.",
    "down",
  ),
  BACKEND_AUTH: row(422, "person", "The model's vendor refused the key.", "Check the key that the details name, then `slipway retry`.", "down"),
  BACKEND_QUOTA: row(
    422,
    "person",
    "The account at the model's vendor has no quota left.",
    "Raise the quota, then `slipway retry`; or submit the task again with another --backend.",
    "down",
  ),
  BACKEND_RATE_LIMITED: row(429, "requeue", "The model's vendor asks to slow down.", "Nothing to do: the job waits and is tried again.", "down"),
  BACKEND_OUTPUT_INVALID: row(
    502,
    "requeue",
    "The backend said something that is not in its protocol.",
    "Look at `slipway logs`; if it happens again, the agent may not be of the release that the backend drives: `slipway backends` shows what is there.",
    "down",
  ),
  BACKEND_FAILED: row(502, "final", "The agent ended with an error of its own.", "Look at the end of the job's log with `slipway logs`.", "down"),
  AGENT_TIMEOUT: row(504, "final", "The agent did not finish in its time.", "Give the job more time with --timeout, or a smaller task."),
  AGENT_STEP_LIMIT: row(
    422,
    "final",
    "The agent used up its steps.",
    "Give it more steps in backendConfig (`slipway backends` shows the setting), or a smaller task.",
    "works",
  ),
  AGENT_STALLED: row(504, "requeue", "The agent said nothing for too long.", "Nothing to do: it is tried again; `slipway logs` shows its last words.", "down"),
  MCP_SERVER_FAILED: row(
    422,
    "final",
    "An MCP server of the job did not start.",
    "Run its command by hand where the job runs, mend it or leave the server out, then submit again.",
    "works",
  ),
  IMAGES_NOT_TAKEN: row(
    422,
    "final",
    "The agent does not take the job's images.",
    "Submit the task again for an agent that does (`slipway backends` lists them), or without --image.",
    "unfit",
  ),
  MODEL_REFUSED: row(
    422,
    "final",
    "The model's vendor refused the request.",
    "Look at the details: often the backend's setting for the model is not one that the vendor has.",
    "unfit",
  ),
  MODEL_NOT_ALLOWED: row(
    403,
    "person",
    "The gateway does not let this request through.",
    "Allow what the details name in the gateway's configuration (docs/gateway.md), then `slipway retry`.",
    "unfit",
  ),
  MODEL_OVERLOADED: row(503, "requeue", "The model's vendor is overloaded.", "Nothing to do: the job is tried again.", "down"),
  MODEL_UNREACHABLE: row(
    502,
    "requeue",
    "The model's vendor cannot be reached.",
    "Check the network and the provider's `baseUrl` in gateway.yaml; `slipway doctor` tries it.",
    "down",
  ),
  MODEL_TIMEOUT: row(
    504,
    "requeue",
    "The model's vendor did not answer in time.",
    "Nothing to do: it is tried again; the limits are `headersTimeoutSeconds` and `silenceTimeoutSeconds` in gateway.yaml.",
    "down",
  ),
  CONTEXT_TOO_LONG: row(
    422,
    "final",
    "The conversation no longer fits into the model's context window.",
    "Give the agent a smaller task, or a model with a larger window.",
    "unfit",
  ),
  GATEWAY_UNAVAILABLE: row(
    503,
    "requeue",
    "The worker's model gateway does not answer.",
    "See with `slipway doctor` that it runs; `slipway up` starts it.",
    "unfit",
  ),
  BUDGET_EXCEEDED: row(
    422,
    "final",
    "The job used up its budget.",
    "Submit it again with a larger budget (--budget-usd, --budget-tokens), or split the task.",
    "works",
  ),
  DAY_BUDGET_EXCEEDED: row(
    429,
    "requeue",
    "All jobs together used up what the installation may spend on models in a day.",
    "Nothing: the job goes on after 00:00 UTC. Or raise `server.dayBudget` in slipway.yaml, and restart `slipway up`; `slipway doctor` shows what is spent.",
    "works",
  ),
  CASSETTE_MISMATCH: row(
    422,
    "final",
    "The agent asked the model something else than what its cassette has.",
    "See with `slipway show` which call it was; replay with the agent, the base and the configuration of the recording, or record anew with `slipway run --record`.",
    "works",
  ),
  OUT_OF_MEMORY: row(
    507,
    "requeue",
    "The agent ran out of memory.",
    "Raise the worker's SLIPWAY_MEMORY_LIMIT, or run fewer jobs at once with `slipway up --slots`.",
  ),
  PROCESS_LIMIT: row(
    507,
    "requeue",
    "The agent ran out of processes.",
    "Raise the worker's SLIPWAY_PROCESS_LIMIT, or have fewer things done at once in the repository's commands.",
  ),
  RUNNER_LOST: row(
    500,
    "requeue",
    "The runner inside the sandbox ended before the turn did.",
    "Nothing to do: it is tried again; `slipway logs` shows its last words.",
  ),
  // Judging
  GATES_FAILED: row(
    422,
    "final",
    "A gate still fails after the last repair.",
    "Read the gate's whole output with `slipway show JOB --artifact NAME` (`slipway show JOB` lists the names), then give the agent a better task.",
    "works",
  ),
  BASELINE_RED: row(
    422,
    "final",
    "A gate is red on the merged tree, and was red by the same failure before the change.",
    "Have the gate mended first, by a job whose task says so. If changes are to land meanwhile, set `baseline: tolerate` in .slipway.yaml.",
    "works",
  ),
  CHECKS_FAILED: row(
    422,
    "final",
    "A check still refuses the change after the last repair.",
    "Read its findings with `slipway show JOB`. If the change is meant to be so, submit it again with `--allow CHECK`, or set the check's level in .slipway.yaml.",
    "works",
  ),
  CRITIC_REJECTED: row(
    422,
    "final",
    "The critic did not accept the change.",
    "Read its findings with `slipway show JOB`, then give the agent a better task or clearer criteria (`--criterion`).",
    "works",
  ),
  CRITIC_UNAVAILABLE: row(
    502,
    "person",
    "The critic could not be asked, or did not answer.",
    "The change is kept. Mend what the details name, such as the key or the model of `critic` in .slipway.yaml, then `slipway retry`.",
    "works",
  ),
  SCOPE_VIOLATION: row(
    422,
    "final",
    "The change touches what the job may not touch.",
    "Widen `scope` in .slipway.yaml and commit that, if this is wanted; the details name the paths.",
    "works",
  ),
  NO_CHANGE: row(422, "final", "The agent changed nothing.", "Make the task more concrete; `slipway logs` shows what the agent thought.", "works"),
  READ_ONLY_VIOLATED: row(
    422,
    "final",
    "The agent of a read-only job changed the workspace.",
    "Nothing of it lands. Submit it again for a worker with a sandbox, in which it cannot, or without --read-only.",
    "works",
  ),
  VERDICT_INVALID: row(
    422,
    "final",
    "The reviewer gave no verdict that can be read.",
    "Read what it said with `slipway show JOB --artifact answer.md`; then review again, perhaps with another --backend.",
    "unfit",
  ),
  COMMIT_INVALID: row(
    422,
    "final",
    "What the sandbox handed out is not a sound set of git objects.",
    "Nothing of it was taken. Look at the details, then `slipway retry`; if it happens again, report it with the output of `slipway doctor --json`.",
  ),
  // Landing
  MERGE_CONFLICT: row(
    409,
    "final",
    "The change conflicts with what landed since its base.",
    "Submit the task again from the new state of the branch; `slipway fetch` still brings the change that did not fit.",
  ),
  TARGET_MOVED: row(409, "client", "The target branch moved while the change was about to land.", "Nothing to do: the integrator merges again."),
  RECEIPT_MISSING: row(409, "client", "A required gate has no receipt for this tree.", "Nothing to do: the integrator has the tree verified first."),
  LANDING_UNSAFE: row(
    409,
    "client",
    "A merged commit would change more of its target than its job did, so that nothing lands there until a person has looked.",
    "Look at the commit that the details name, cancel its job with `slipway cancel`, then let the others go on with `slipway train resume`.",
  ),
  TRAIN_FROZEN: row(
    409,
    "client",
    "Nothing lands on this branch until a person resumes it.",
    "See with `slipway train show REPOSITORY` why; `slipway train resume REPOSITORY` lets changes land again.",
  ),
  SIGNING_FAILED: row(
    500,
    "client",
    "What lands is to be signed, and cannot be.",
    "Look at the integrator's log; put a key without a passphrase into `secrets/integrator` (docs/landing.md). Until then nothing lands, and nothing is lost.",
  ),
  PUSH_REJECTED: row(
    409,
    "person",
    "The repository's address did not take the branch.",
    "Do what the details say it asks for, then `slipway retry`: the commit is on the hub and is pushed again, without the agent.",
  ),
  BRANCH_PROTECTED: row(
    403,
    "person",
    "A rule of the git host protects the branch from being pushed.",
    "Choose another name in `landing.branch` of .slipway.yaml, or let the server's account past the rule; then `slipway retry`.",
  ),
  FORGE_TOKEN_MISSING: row(
    422,
    "person",
    "There is no credential for the git host.",
    "Put the secret that the details name into its file, then `slipway retry`.",
  ),
  FORGE_AUTH: row(
    403,
    "person",
    "The git host refused the credential.",
    "Put a new token, with the rights that docs/guides/pull-requests.md lists, into the file that the details name; then `slipway retry`.",
  ),
  REPOSITORY_MOVED: row(
    422,
    "person",
    "The repository is not at its address any more.",
    "Register it anew under the address that the details name, or let the server's account see it; then `slipway retry`.",
  ),
  FORGE_UNAVAILABLE: row(
    503,
    "person",
    "The git host was out of reach for too long.",
    "Type `slipway retry` when it answers again: commit and branch are kept.",
  ),
  PR_FAILED: row(
    502,
    "person",
    "The pull request could not be opened.",
    "Do what the git host's own words in the details ask for, then `slipway retry`: the branch is pushed already.",
  ),
  NOTIFICATION_FAILED: row(
    502,
    "client",
    "A notification could not be delivered.",
    "Mend what its message names, then try it with `slipway notifications test`; what waits is sent again by itself for a day.",
  ),
  CANCELLED: row(409, "final", "The job was cancelled.", "Submit it again with `slipway retry` if this was not meant."),
} as const satisfies Record<string, ErrorRow>;

/** A code of the table above. */
export type ErrorCode = keyof typeof ERRORS;

/** All codes, in the order of the table; for schemas. */
export const ERROR_CODES = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]];

/** True where `value` is a code of the table. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === "string" && Object.hasOwn(ERRORS, value);
}

/** The error that every part throws where a failure has a code; `details` is plain JSON for people and tools. */
export class SlipwayError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message?: string, details: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(message ?? ERRORS[code].message, options);
    this.name = "SlipwayError";
    this.code = code;
    this.details = details;
  }

  /** HTTP status of the answer that carries this error. */
  get status(): number {
    return ERRORS[this.code].status;
  }

  /** What to do next: the details' own hint where there is one, else the table's. */
  get hint(): string {
    return typeof this.details["hint"] === "string" ? this.details["hint"] : ERRORS[this.code].hint;
  }

  /** The shape that `errorBodySchema` describes. */
  toJSON(): { error: { code: ErrorCode; message: string; hint: string; details: Record<string, unknown> } } {
    return { error: { code: this.code, message: this.message, hint: this.hint, details: { ...this.details } } };
  }
}

/** Any thrown value as a `SlipwayError`; what has no code becomes `fallback` and keeps its cause. */
export function toSlipwayError(error: unknown, fallback: ErrorCode = "INTERNAL"): SlipwayError {
  if (error instanceof SlipwayError) return error;
  const nodeCode = (error as { code?: string } | undefined)?.code;
  if (nodeCode === "ENOSPC" || nodeCode === "SQLITE_FULL") {
    return new SlipwayError("DISK_FULL", undefined, {}, { cause: error });
  }
  const text = error instanceof Error ? error.message : String(error);
  return new SlipwayError(fallback, `${ERRORS[fallback].message} (${text})`, {}, { cause: error });
}
