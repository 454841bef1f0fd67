import { readFile } from "node:fs/promises";
import { SlipwayError } from "@slipway/protocol/errors";
import type { RepositoryView } from "@slipway/protocol/repository";
import { DIVERGED_RULES, REWRITE_RULES, UPSTREAM_PUSHES, type UpstreamBranch, type UpstreamChanges, upstreamChangesSchema } from "@slipway/protocol/upstream";
import { type Command, InvalidArgumentError, Option } from "commander";
import { parseBranch, parseDuration } from "../terminal/parse.ts";
import type { Screen } from "../terminal/screen.ts";
import { ago, duration, plural, printable, until } from "../terminal/text.ts";
import { type CommonOptions, screenOf, withCommon } from "./options.ts";
import { withReader } from "./reading.ts";

/** How `repos set` names the settings of `UpstreamSettings`; `none` takes one away. */
export interface UpstreamOptions {
  readonly push?: (typeof UPSTREAM_PUSHES)[number];
  readonly onRewrite?: (typeof REWRITE_RULES)[number];
  readonly onDiverged?: (typeof DIVERGED_RULES)[number];
  readonly syncEvery?: number | "none";
  readonly credential?: string;
  readonly knownHosts?: string;
}

/** Adds the options by which a repository is kept together with its address. */
export function withUpstreamOptions(command: Command): Command {
  return command
    .addOption(new Option("--push <rule>", "what goes to its address by itself: each branch on which something landed, or nothing").choices(UPSTREAM_PUSHES))
    .addOption(new Option("--on-rewrite <rule>", "where the history at its address was rewritten: wait for a person, or follow").choices(REWRITE_RULES))
    .addOption(new Option("--on-diverged <rule>", "where hub and address both went on: wait for a person, or merge them by a job").choices(DIVERGED_RULES))
    .option("--sync-every <time>", "fetch by the clock, and before a job starts from a branch, such as 5m; none: on demand alone", orNone(parseSyncEvery))
    .option("--credential <secret>", "secret of the server with its token or deploy key; none: no credential", orNone(parseCredential))
    .option("--known-hosts <file>", "file with the keys of the hosts that may be talked to by ssh; none: those of the server's account");
}

/** What these options change; undefined where none was given. INVALID_REQUEST where a file cannot be read. */
export async function upstreamChanges({
  push,
  onRewrite,
  onDiverged,
  syncEvery,
  credential,
  knownHosts,
}: UpstreamOptions): Promise<UpstreamChanges | undefined> {
  const changes: UpstreamChanges = {
    ...(push === undefined ? {} : { push }),
    ...(onRewrite === undefined ? {} : { onRewrite }),
    ...(onDiverged === undefined ? {} : { onDiverged }),
    ...(syncEvery === undefined ? {} : { syncEveryMs: syncEvery === "none" ? null : syncEvery }),
    ...(credential === undefined ? {} : { credential: credential === "none" ? null : credential }),
    ...(knownHosts === undefined ? {} : { knownHosts: knownHosts === "none" ? null : await readKnownHosts(knownHosts) }),
  };
  return Object.keys(changes).length === 0 ? undefined : changes;
}

async function readKnownHosts(file: string): Promise<string> {
  const hint = "Name a file such as `ssh-keyscan HOST` prints; compare its keys with those that the host publishes.";
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new SlipwayError("INVALID_REQUEST", `--known-hosts: the file ${file} cannot be read.`, { field: "knownHosts", value: file, hint }, { cause: error });
  }
  if (/PRIVATE KEY/.test(text) || !text.split("\n").some((line) => /^[^#\s]\S* +(\S+ +)?[\w@.-]+ +[A-Za-z0-9+/=]{20,}/.test(line)))
    throw new SlipwayError("INVALID_REQUEST", `--known-hosts: ${file} holds no keys of hosts.`, { field: "knownHosts", value: file, hint });
  return text;
}

/** Leaves `none` as it is: commander takes a null for an empty text. */
export function orNone<T>(parse: (text: string) => T): (text: string) => T | "none" {
  return (text) => (text === "none" ? "none" : parse(text));
}

function parseSyncEvery(text: string): number {
  const ms = parseDuration(text);
  if (upstreamChangesSchema.safeParse({ syncEveryMs: ms }).success) return ms;
  throw new InvalidArgumentError("Expected a time from 5s to 7d.");
}

function parseCredential(text: string): string {
  if (upstreamChangesSchema.safeParse({ credential: text }).success) return text;
  throw new InvalidArgumentError("Expected the name of a secret, such as GITHUB_TOKEN: letters, digits and _, at most 64. Its value goes into a file.");
}

/** `repos resolve`. */
export function addResolve(repos: Command): void {
  withCommon(repos.command("resolve").argument("<repository>", "name or id of the repository"))
    .summary("decide over a branch that the hub and the address disagree on (role admin)")
    .description("For a branch that `slipway repos show` calls diverged or rewritten. What gives way is kept under a ref of the hub for as long as jobs are.")
    .requiredOption("--branch <branch>", "the branch", parseBranch)
    .addOption(
      new Option("--take <side>", "whose commits the branch has from here on: those at the address, or the hub's, which are pushed")
        .choices(["upstream", "hub"])
        .makeOptionMandatory(),
    )
    .action(async (name: string, options: CommonOptions & { branch: string; take: "upstream" | "hub" }) => {
      const screen = screenOf(options);
      const { branch, take } = options;
      const answer = await withReader(options, ({ client }) => client.call("resolveUpstream", { params: { repo: name }, body: { branch, take } }));
      screen.document(answer);
      screen.print(`${printable(branch)} of ${printable(name)} is ${answer.hubOid.slice(0, 12)} on the hub and at its address`);
    });
}

/** What `repos show` says of a repository that has an address. */
export function upstreamFields({ upstream, upstreamSync }: RepositoryView): Array<readonly [string, string]> {
  const { push, onRewrite, onDiverged, syncEveryMs, credential, knownHosts } = upstream;
  const rules = [
    syncEveryMs === null ? "fetched on demand" : `fetched every ${duration(syncEveryMs)}`,
    push === "landed" ? "what lands is pushed" : "nothing is pushed",
    onRewrite === "follow" ? "a rewritten history is followed" : undefined,
    onDiverged === "merge" ? "a branch that diverged is merged" : undefined,
  ];
  const { okAt, error, nextAt, failures } = upstreamSync;
  const next = nextAt === null || error === null ? "" : `, next try ${until(nextAt)}`;
  return [
    ["upstream", rules.filter((text) => text !== undefined).join(", ")],
    ["credential", `${credential ?? "none"}${knownHosts === null ? "" : ", with known hosts of its own"}`],
    ["synced", okAt === null ? "never" : ago(okAt)],
    ...(error === null ? [] : [["trouble", printable(`${error.code}: ${error.message} (${plural(failures, "failure")} in a row${next})`)] as const]),
  ];
}

const STATE_TEXTS: Readonly<Record<UpstreamBranch["state"], (branch: UpstreamBranch) => string>> = {
  equal: () => "equal",
  ahead: ({ ahead }) => `${plural(ahead, "commit")} not pushed`,
  behind: ({ behind }) => `${plural(behind, "commit")} behind; the next sync follows`,
  diverged: ({ ahead, behind, mergeJob }) =>
    `diverged: ${ahead} on the hub alone, ${behind} at the address alone${mergeJob === null ? "" : `; job ${mergeJob} merges them: slipway show ${mergeJob}`}`,
  rewritten: () => "rewritten at the address, and waits for a decision",
};

/** A line for each branch that is not equal at both. */
export function printBranches(screen: Screen, name: string, branches: readonly UpstreamBranch[]): void {
  const { colors } = screen;
  for (const branch of branches) {
    if (branch.state === "equal") continue;
    screen.print(`  ${colors.dim("branch".padEnd(10))} ${printable(branch.branch)}: ${STATE_TEXTS[branch.state](branch)}`);
    if (branch.state !== "diverged" && branch.state !== "rewritten") continue;
    screen.print(colors.dim(`  ${"".padEnd(10)} slipway repos resolve ${name} --branch ${printable(branch.branch)} --take upstream, or --take hub`));
  }
}
