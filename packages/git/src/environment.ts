import { basicAuthorization } from "./credential.ts";

/** What a git process may take over from ours: how to find programs, reach hosts and trust certificates. Nothing that is a token of ours. */
const PASSED_ON = [
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "TMPDIR",
  "SSH_AUTH_SOCK",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "GIT_SSL_CAINFO",
  "http_proxy",
  "https_proxy",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "ALL_PROXY",
] as const;

/** Settings that every git process of ours gets, above whatever a repository's own configuration says. */
const FIXED_CONFIG: ReadonlyArray<readonly [string, string]> = [
  ["core.hooksPath", "/dev/null"],
  ["core.fsmonitor", "false"],
  ["core.pager", "cat"],
  ["gc.auto", "0"],
  ["maintenance.auto", "false"],
  ["credential.helper", ""],
  ["http.followRedirects", "false"],
  ["submodule.recurse", "false"],
  ["push.gpgSign", "false"],
  ["commit.gpgSign", "false"],
];

/** Only where nobody's own configuration counts: what a person sets for their checkouts must not change what a daemon reads or writes. */
const ISOLATED_CONFIG: ReadonlyArray<readonly [string, string]> = [
  ["core.attributesFile", "/dev/null"],
  ["core.excludesFile", "/dev/null"],
  ["core.autocrlf", "false"],
  ["core.safecrlf", "false"],
  ["core.eol", "lf"],
  ["user.name", "Slipway"],
  ["user.email", "slipway@localhost"],
];

/** Set by `trustForGit`. */
let authorities: string | undefined;

/** Has every git process that this one starts from now on trust the certificates of this file, a bundle, in place of the system's. */
export function trustForGit(bundle: string): void {
  authorities = bundle;
}

export interface EnvironmentOptions {
  readonly gitDir?: string;
  /** More configuration, after the fixed one. */
  readonly config?: ReadonlyArray<readonly [string, string]>;
  readonly env?: Readonly<Record<string, string>>;
  /** Password for HTTP Basic; travels in the environment, never on the command line. */
  readonly credential?: string;
  /** `user` reads the configuration of the person at the keyboard; for their own checkout only. */
  readonly configuration?: "isolated" | "user";
  /** Lets git read repositories by path. */
  readonly localTransport?: boolean;
}

/** The whole environment of a git process: a short list of what passes, and configuration that nothing on disk can override. */
export function gitEnvironment(options: EnvironmentOptions): Record<string, string> {
  const isolated = options.configuration !== "user";
  const passed = Object.fromEntries(PASSED_ON.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));
  const config = [
    ...FIXED_CONFIG,
    ...(isolated ? ISOLATED_CONFIG : []),
    ...(options.credential === undefined ? [] : authorizationConfig(basicAuthorization(options.credential))),
    ...(options.config ?? []),
  ];
  return {
    ...passed,
    ...(authorities === undefined ? {} : { GIT_SSL_CAINFO: authorities }),
    NO_PROXY: ["127.0.0.1", "localhost", "::1", process.env["NO_PROXY"] ?? process.env["no_proxy"]].filter(Boolean).join(","),
    LC_ALL: "C",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ASKPASS: "true",
    GIT_EDITOR: "true",
    GIT_SSH_COMMAND: "ssh -oBatchMode=yes",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_ALLOW_PROTOCOL: options.localTransport ? "http:https:ssh:git:file" : "http:https:ssh:git",
    ...(isolated ? { GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null", GIT_ATTR_NOSYSTEM: "1" } : userConfiguration()),
    ...(options.gitDir === undefined ? {} : { GIT_DIR: options.gitDir }),
    ...configEnvironment(config),
    ...options.env,
  };
}

/** Sends an Authorization header, and none that other configuration may have added. */
export function authorizationConfig(authorization: string): Array<readonly [string, string]> {
  return [
    ["http.extraHeader", ""],
    ["http.extraHeader", `Authorization: ${authorization}`],
  ];
}

/** Configuration as the environment variables that git reads it from, with the precedence of `git -c`. */
export function configEnvironment(config: ReadonlyArray<readonly [string, string]>): Record<string, string> {
  const entries = config.flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, key],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ]);
  return { GIT_CONFIG_COUNT: String(config.length), ...Object.fromEntries(entries) };
}

function userConfiguration(): Record<string, string> {
  const names = ["XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name] as string]])));
}
