import { basicAuthorization, pairAuthorization, splitUrl } from "./credential.ts";
import { authorizationConfig } from "./environment.ts";

/** How the hub shows itself at a repository's own address. Never in an argument or an address; git and ssh get it by environment and by file. */
export interface UpstreamAccess {
  /** For https: `user:password`, or a token alone. */
  readonly token?: string | undefined;
  /** For ssh: path of a private key that nobody else can read. */
  readonly keyFile?: string | undefined;
  /** For ssh: path of the file with the keys of the hosts that may be talked to; the machine's own files where it is missing. */
  readonly knownHostsFile?: string | undefined;
}

/** Whether an address is one that git reaches by ssh: `ssh://…`, or `user@host:path` as scp(1) writes it. */
export function isSshUrl(url: string): boolean {
  return /^(git\+)?ssh:\/\//i.test(url) || (!url.includes("://") && /^([^/:@\s]+@)?[^/:\s]{2,}:(?!\/\/)/.test(url));
}

/** Whether an address is one that git reaches by http. */
export function isWebUrl(url: string): boolean {
  return /^https?:\/\//i.test(url);
}

/** What git is started with to reach an address, and the address without what does not belong into an argument. */
export function reach(url: string, access: UpstreamAccess): { url: string; config: Array<readonly [string, string]>; env: Record<string, string> } {
  const source = splitUrl(url);
  const authorization = isWebUrl(url) ? (tokenAuthorization(access.token) ?? source.authorization) : undefined;
  return {
    url: source.url,
    config: [
      // A host that sends less than 1,000 bytes a second for a minute is gone.
      ["http.lowSpeedLimit", "1000"],
      ["http.lowSpeedTime", "60"],
      ...(authorization === undefined ? [] : authorizationConfig(authorization)),
    ],
    env: isSshUrl(url) ? { GIT_SSH_COMMAND: sshCommand(access), GIT_SSH_VARIANT: "ssh" } : {},
  };
}

/** A token alone goes with any name at the known hosts; `x-access-token` is the one that GitHub asks for. */
function tokenAuthorization(token: string | undefined): string | undefined {
  if (token === undefined) return undefined;
  return token.includes(":") ? pairAuthorization(token) : basicAuthorization(token, "x-access-token");
}

/** How long a host may take to answer at all, and to say something in the middle of a transfer, in s. */
const SSH_CONNECT_SECONDS = 20;
const SSH_ALIVE_SECONDS = 15;

/** A host's key must be known before the first use: a question would go to nobody. With a key of ours no other one is offered. */
function sshCommand({ keyFile, knownHostsFile }: UpstreamAccess): string {
  const options = [
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    `ConnectTimeout=${SSH_CONNECT_SECONDS}`,
    `ServerAliveInterval=${SSH_ALIVE_SECONDS}`,
    "ServerAliveCountMax=4",
    ...(keyFile === undefined ? [] : [`IdentityFile=${sshPath(keyFile)}`, "IdentitiesOnly=yes", "IdentityAgent=none"]),
    ...(knownHostsFile === undefined ? [] : [`UserKnownHostsFile=${sshPath(knownHostsFile)}`, "GlobalKnownHostsFile=/dev/null", "UpdateHostKeys=no"]),
  ];
  const words = options.map((option) => `-o${option}`).map(shellWord);
  // A person's own ssh configuration may name other keys, hosts and commands.
  return ["ssh", ...(keyFile === undefined ? [] : ["-F/dev/null"]), ...words].join(" ");
}

/** As ssh_config(5) takes a path: with quotes, and `%` doubled, which would begin a token. */
function sshPath(path: string): string {
  return `"${path.replaceAll("%", "%%")}"`;
}

function shellWord(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
