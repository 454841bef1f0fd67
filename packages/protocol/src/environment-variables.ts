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
    fallback: "`tokens/admin` in the data folder",
    meaning: "File with the token for the server that SLIPWAY_URL names.",
    toAllParts: false,
  },
  {
    name: "SLIPWAY_BACKENDS",
    readBy: "command line, worker, runner",
    fallback: "the shipped backends only",
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
    name: "SLIPWAY_LOG_LEVEL",
    readBy: "server, worker, integrator, gateway",
    fallback: "`info`",
    meaning: "`trace`, `debug`, `info`, `warn`, `error`, `fatal` or `silent`: what goes to `logs/` in the data folder.",
    toAllParts: true,
  },
  {
    name: "SLIPWAY_RETENTION_DAYS",
    readBy: "server",
    fallback: "30",
    meaning: "Days for which the events and artifacts of an ended job are kept, 0.01 to 100000.",
    toAllParts: true,
  },
  {
    name: "SLIPWAY_MEMORY_LIMIT",
    readBy: "worker",
    fallback: "no limit",
    meaning: "Memory of one sandbox, such as `4g` or `512m` ([sandbox.md](sandbox.md#limits)).",
    toAllParts: true,
  },
  {
    name: "SLIPWAY_PROCESS_LIMIT",
    readBy: "worker",
    fallback: "16384, where that can be kept",
    meaning: "Processes and threads of one sandbox; `none` for no limit.",
    toAllParts: true,
  },
  { name: "SLIPWAY_FILE_LIMIT", readBy: "worker", fallback: "no limit", meaning: "Size of one file that a sandbox writes, such as `10g`.", toAllParts: true },
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
