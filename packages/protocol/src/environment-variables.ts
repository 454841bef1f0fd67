/**
 * The environment variables that people set, as data: the command line passes them on to the parts that it starts by this table, and
 * `docs/configuration.md` is generated from it.
 */
export interface EnvironmentVariable {
  /** A name that ends in `<NAME>` stands for all that begin so. */
  readonly name: string;
  /** Who reads it. */
  readonly readBy: string;
  /** What holds where it is not set. */
  readonly fallback: string;
  readonly meaning: string;
  /** Whether the parts that `slipway up` and `slipway run` start get it from the command line's environment, all of them. */
  readonly toAllParts: boolean;
}

/** All of them, those that people need first in front. */
export const ENVIRONMENT_VARIABLES: readonly EnvironmentVariable[] = [
  {
    name: "SLIPWAY_DATA",
    readBy: "command line, server",
    fallback: "`$XDG_DATA_HOME/slipway`, or `~/.local/share/slipway`",
    meaning: "The data folder: all that Slipway keeps, and by which a command finds the server that runs. `--data` wins.",
    toAllParts: false,
  },
  {
    name: "SLIPWAY_URL",
    readBy: "command line",
    fallback: "the server of the data folder",
    meaning: "Address of the server that commands use, such as `http://127.0.0.1:4750`; nothing is started then. `--data` wins.",
    toAllParts: false,
  },
  {
    name: "SLIPWAY_TOKEN_FILE",
    readBy: "command line",
    fallback: "`tokens/admin.token` in the data folder",
    meaning: "File with the token for the server that SLIPWAY_URL names.",
    toAllParts: false,
  },
  {
    name: "SLIPWAY_BACKENDS",
    readBy: "command line, worker, runner",
    fallback: "`worker.backendsFolder`, else the shipped backends only",
    meaning: "Folder of an npm project with further backends ([backends.md](backends.md)).",
    toAllParts: true,
  },
  {
    name: "SLIPWAY_SECRET_<NAME>",
    readBy: "worker",
    fallback: "`secrets/worker/<NAME>` in the data folder, which wins",
    meaning: "The secret `<NAME>` that a backend names. No other part gets it ([backends.md](backends.md#secrets)).",
    toAllParts: false,
  },
  {
    name: "SLIPWAY_GATEWAY_CONFIG",
    readBy: "command line, gateway",
    fallback: "`gateway.yaml` in the data folder",
    meaning:
      "The gateway's configuration. The keys of models are not in it, but in `secrets/gateway/<NAME>` or in a variable `<NAME>` that only the gateway gets.",
    toAllParts: false,
  },
  {
    name: "SLIPWAY_CONFIG",
    readBy: "command line",
    fallback: "`slipway.yaml` in the data folder",
    meaning: "The installation's configuration. The variables below that set a key of it win over the file.",
    toAllParts: false,
  },
  {
    name: "SLIPWAY_LOG_LEVEL",
    readBy: "server, worker, integrator, gateway",
    fallback: "`logLevel`, else `info`",
    meaning: "`trace`, `debug`, `info`, `warn`, `error`, `fatal` or `silent`: what goes to `logs/` in the data folder.",
    toAllParts: true,
  },
  { name: "SLIPWAY_PORT", readBy: "command line", fallback: "`server.port`, else 4750", meaning: "Port of `slipway up`. `--port` wins.", toAllParts: false },
  {
    name: "SLIPWAY_HOST",
    readBy: "command line",
    fallback: "`server.host`, else 127.0.0.1",
    meaning: "Address that the server of `slipway up` listens on.",
    toAllParts: false,
  },
  {
    name: "SLIPWAY_ALLOW_REMOTE",
    readBy: "command line",
    fallback: "`server.allowRemote`, else false",
    meaning: "`true`: that address may be one that other machines reach.",
    toAllParts: false,
  },
  {
    name: "SLIPWAY_ALLOWED_ORIGINS",
    readBy: "command line",
    fallback: "`server.allowedOrigins`, else none",
    meaning: "Origins of web pages that may call the API, with commas between.",
    toAllParts: false,
  },
  {
    name: "SLIPWAY_RETENTION_DAYS",
    readBy: "command line, server",
    fallback: "`server.retentionDays`, else 30",
    meaning: "Days for which the events and artifacts of an ended job are kept, 0.01 to 100000.",
    toAllParts: true,
  },
  { name: "SLIPWAY_SLOTS", readBy: "command line", fallback: "`worker.slots`, else 4", meaning: "Jobs at once, 1 to 256. `--slots` wins.", toAllParts: false },
  {
    name: "SLIPWAY_VERIFY_SLOTS",
    readBy: "command line",
    fallback: "`worker.verifySlots`, else 2",
    meaning: "Verifications at once, beside the jobs.",
    toAllParts: false,
  },
  {
    name: "SLIPWAY_WORKER_NAME",
    readBy: "command line",
    fallback: "`worker.name`, else the machine's",
    meaning: "The worker's name for people.",
    toAllParts: false,
  },
  {
    name: "SLIPWAY_WORKER_SANDBOX",
    readBy: "command line",
    fallback: "`worker.sandbox`, else bwrap",
    meaning: "`bwrap`, or `none` for no isolation at all. `--sandbox` wins.",
    toAllParts: false,
  },
  {
    name: "SLIPWAY_MEMORY_LIMIT",
    readBy: "command line, worker",
    fallback: "`worker.memoryLimit`, else no limit",
    meaning: "Memory of one sandbox, such as `4g` or `512m` ([sandbox.md](sandbox.md#limits)).",
    toAllParts: true,
  },
  {
    name: "SLIPWAY_PROCESS_LIMIT",
    readBy: "command line, worker",
    fallback: "`worker.processLimit`, else 16384, where that can be kept",
    meaning: "Processes and threads of one sandbox; `none` for no limit.",
    toAllParts: true,
  },
  {
    name: "SLIPWAY_FILE_LIMIT",
    readBy: "command line, worker",
    fallback: "`worker.fileLimit`, else no limit",
    meaning: "Size of one file that a sandbox writes, such as `10g`.",
    toAllParts: true,
  },
  {
    name: "SLIPWAY_SECRETS_FOLDER",
    readBy: "command line",
    fallback: "`worker.secretsFolder`, else `secrets/worker` in the data folder",
    meaning: "Folder with a file for each secret of backends.",
    toAllParts: false,
  },
  {
    name: "SLIPWAY_BASE_IMAGE",
    readBy: "`images`",
    fallback: "`images.baseImage`, else the public image of Node",
    meaning: "Image that the images of sandboxes stand on. `--base-image` wins.",
    toAllParts: false,
  },
  {
    name: "SLIPWAY_BUILD_NETWORK",
    readBy: "`images`",
    fallback: "`images.network`, else the engine's default",
    meaning: "Network of the commands that build images, such as `host`. `--network` wins.",
    toAllParts: false,
  },
  {
    name: "SLIPWAY_EXTRA_CA_CERTS",
    readBy: "`images`",
    fallback: "`extraCaCerts`, else none",
    meaning: "File of further certificates, for networks whose HTTPS no public authority vouches for. `--extra-ca-certs` wins.",
    toAllParts: false,
  },
  {
    name: "SLIPWAY_BACKEND",
    readBy: "`run`, `submit`",
    fallback: "the repository's, else `jobs.backend`",
    meaning: "Backend of jobs. `--backend` wins.",
    toAllParts: false,
  },
  {
    name: "SLIPWAY_TIMEOUT",
    readBy: "`run`, `submit`",
    fallback: "the repository's, else `jobs.timeoutSeconds`",
    meaning: "For one attempt, such as `30m`. `--timeout` wins.",
    toAllParts: false,
  },
  {
    name: "SLIPWAY_STALL",
    readBy: "`run`, `submit`",
    fallback: "`jobs.stallSeconds`",
    meaning: "An agent that is silent for so long is stalled. `--stall` wins.",
    toAllParts: false,
  },
  {
    name: "SLIPWAY_QUEUE_TIMEOUT",
    readBy: "`run`, `submit`",
    fallback: "`jobs.queueTimeoutSeconds`",
    meaning: "A job that no worker took for so long fails. `--queue-timeout` wins.",
    toAllParts: false,
  },
  {
    name: "SLIPWAY_MAX_ATTEMPTS",
    readBy: "`run`, `submit`",
    fallback: "`jobs.maxAttempts`",
    meaning: "Tries before a job fails. `--max-attempts` wins.",
    toAllParts: false,
  },
  {
    name: "SLIPWAY_LANE",
    readBy: "`run`, `submit`",
    fallback: "interactive for `run`; else `jobs.lane`",
    meaning: "`interactive`, `normal` or `background`. `--lane` wins.",
    toAllParts: false,
  },
  {
    name: "SLIPWAY_BUDGET_TOKENS",
    readBy: "`run`, `submit`",
    fallback: "the repository's, else `jobs.budget.tokens`",
    meaning: "Tokens that a job may use up, such as `200k`. `--budget-tokens` wins.",
    toAllParts: false,
  },
  {
    name: "SLIPWAY_BUDGET_USD",
    readBy: "`run`, `submit`",
    fallback: "the repository's, else `jobs.budget.usd`",
    meaning: "US dollars that a job may use up. `--budget-usd` wins.",
    toAllParts: false,
  },
  {
    name: "SLIPWAY_ATTEMPT_BUDGET_TOKENS",
    readBy: "`run`, `submit`",
    fallback: "the repository's, else `jobs.budget.attemptTokens`",
    meaning: "The same for one attempt. `--attempt-budget-tokens` wins.",
    toAllParts: false,
  },
  {
    name: "SLIPWAY_ATTEMPT_BUDGET_USD",
    readBy: "`run`, `submit`",
    fallback: "the repository's, else `jobs.budget.attemptUsd`",
    meaning: "The same for one attempt. `--attempt-budget-usd` wins.",
    toAllParts: false,
  },
  {
    name: "SLIPWAY_CGROUP",
    readBy: "worker",
    fallback: "the group that systemd hands over",
    meaning: "Folder below `/sys/fs/cgroup` in which the worker may make control groups ([sandbox.md](sandbox.md#limits)).",
    toAllParts: true,
  },
  {
    name: "SLIPWAY_TRACE",
    readBy: "command line",
    fallback: "off",
    meaning: "`1`: an error that ends a command comes with its stack.",
    toAllParts: false,
  },
  {
    name: "SLIPWAY_PROCESS_TABLE",
    readBy: "worker, runner",
    fallback: "the system's own way",
    meaning: "`ps`: a worker on Linux lists processes as on macOS, to try that. For a worker that is started by itself.",
    toAllParts: false,
  },
];
