import { join } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";
import { branchSchema } from "@slipway/protocol/scalars";
import { type Identity, identityEnvironment } from "./commit-object.ts";
import { splitUrl } from "./credential.ts";
import { type GitOptions, gitText, runGit } from "./exec.ts";
import { withLock } from "./lock.ts";
import { reach, type UpstreamAccess } from "./upstream-access.ts";

/** A repository's own address, and how to get in; the credential travels in the environment of git alone. */
export interface Remote {
  readonly url: string;
  readonly credential?: { readonly username: string; readonly password: string } | undefined;
  /** Where there is no credential of a git host: what the repository's own settings give. */
  readonly access?: UpstreamAccess | undefined;
}

/** Why an address did not take a branch. `moved`: the branch is not what it was, after all. `auth`: no or a bad credential. `redirected`: the repository is elsewhere. */
export type PushRefusal = "moved" | "protected" | "rejected" | "auth" | "missing" | "redirected";

export type BranchPush =
  | { readonly kind: "pushed" }
  /** The branch is there, with a commit that is none of ours. */
  | { readonly kind: "taken"; readonly oid: string }
  /** A branch is there whose name is a beginning of this one, or goes on after it: git has no two such. */
  | { readonly kind: "in-the-way" }
  | { readonly kind: "refused"; readonly why: PushRefusal; readonly said: string };

/** For the whole of a push, in ms. */
const PUSH_LIMIT_MS = 300_000;

/**
 * Pushes a commit of the hub's jobs.git to a branch of a repository's own address. The branch has to be missing, or hold one of `ours`, commits that were pushed
 * there before; it is moved from exactly that (`--force-with-lease`), whatever the histories are. Pushed again, nothing happens. REPOSITORY_UNREACHABLE where
 * the address does not answer in five minutes, or answers in an unknown way.
 */
export async function pushBranch(
  root: string,
  remote: Remote,
  push: { branch: string; oid: string; ours: readonly string[] },
  signal: AbortSignal,
): Promise<BranchPush> {
  const ref = headOf(push.branch);
  const options = { ...remoteOptions(root, remote), signal: AbortSignal.any([signal, AbortSignal.timeout(PUSH_LIMIT_MS)]) };
  const { url } = splitUrl(remote.url);
  const present = await lookUp(url, ref, options);
  if (typeof present === "object" && present !== null) return present;
  if (present === push.oid) return { kind: "pushed" };
  if (present !== null && !push.ours.includes(present)) return { kind: "taken", oid: present };
  const args = ["push", "--porcelain", "--no-verify", "--no-signed", "--recurse-submodules=no", `--force-with-lease=${ref}:${present ?? ""}`];
  const { stdout, stderr, exitCode } = await runGit([...args, "--", url, `${push.oid}:${ref}`], { ...options, okExitCodes: [0, 1, 128] });
  if (exitCode === 0) return { kind: "pushed" };
  if (/directory.file conflict|exists; cannot create/i.test(`${stdout}\n${stderr}`)) return { kind: "in-the-way" };
  return refusalOf(stdout.toString(), stderr);
}

/** The commit of a branch at the address, null where there is none, or why it cannot be told. */
async function lookUp(url: string, ref: string, options: GitOptions): Promise<string | null | Extract<BranchPush, { kind: "refused" }>> {
  const { stdout, stderr, exitCode } = await runGit(["ls-remote", "--refs", "--", url, ref], { ...options, okExitCodes: [0, 128] });
  if (exitCode !== 0) return refusalOf("", stderr);
  return /^([0-9a-f]{40,64})\t/.exec(stdout.toString())?.[1] ?? null;
}

/**
 * Fetches a branch of the address into the hub, where it is kept as a base that jobs may start from; answers its commit, or null where there is no such branch.
 * REPOSITORY_UNREACHABLE, or FORGE_AUTH where the credential is refused.
 */
export async function fetchBranch(root: string, remote: Remote, branch: string, signal: AbortSignal): Promise<string | null> {
  const gitDir = join(root, "upstream.git");
  const options = { ...remoteOptions(root, remote), gitDir, signal: AbortSignal.any([signal, AbortSignal.timeout(PUSH_LIMIT_MS)]) };
  const { url } = splitUrl(remote.url);
  const found = await lookUp(url, headOf(branch), options);
  if (typeof found === "object" && found !== null) throw new SlipwayError(found.why === "auth" ? "FORGE_AUTH" : "REPOSITORY_UNREACHABLE", found.said, { url });
  if (found === null) return null;
  const args = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-gc", "--no-recurse-submodules", "--refmap=", "--", url];
  const fetch = async (): Promise<unknown> =>
    await runGit([...args, `+${found}:refs/slipway/bases/${found}`], { ...options, failure: "REPOSITORY_UNREACHABLE" });
  await withLock(`fetch ${gitDir}`, fetch, signal);
  return found;
}

/** A commit of this tree with these parents in jobs.git, under a ref of Slipway's own. The same request makes the same commit. */
export async function joinCommits(
  root: string,
  join_: { tree: string; parents: readonly string[]; message: string; committer: Identity; ref: string },
): Promise<string> {
  const { tree, parents, message, committer, ref } = join_;
  const gitDir = join(root, "jobs.git");
  const env = identityEnvironment(committer, committer);
  const oid = await gitText(["commit-tree", "-F", "-", ...parents.flatMap((parent) => ["-p", parent]), tree], { gitDir, env, input: message });
  await keepCommit(root, ref, oid);
  return oid;
}

/** Names a commit of jobs.git with a ref of Slipway's own, so that maintenance keeps it. INVALID_REQUEST for any other ref. */
export async function keepCommit(root: string, ref: string, oid: string): Promise<void> {
  if (!ref.startsWith("refs/slipway/")) throw new SlipwayError("INVALID_REQUEST", "Only refs under refs/slipway/ are Slipway's to write.", { ref });
  await runGit(["update-ref", ref, oid], { gitDir: join(root, "jobs.git"), failure: "BASE_NOT_FOUND" });
}

/** The commit of a branch as it was last fetched from the repository's address; null where there was none. */
export async function readUpstreamBranch(root: string, branch: string): Promise<string | null> {
  const args = ["show-ref", "--verify", "--hash", "--", `refs/upstream/${branch}`];
  const { stdout, exitCode } = await runGit(args, { gitDir: join(root, "upstream.git"), okExitCodes: [0, 1, 128] });
  return exitCode === 0 ? stdout.toString().trim() : null;
}

function remoteOptions(root: string, { url, credential, access = {} }: Remote): GitOptions {
  const { config, env } = reach(url, credential ? { token: `${credential.username}:${credential.password}` } : access);
  return { gitDir: join(root, "jobs.git"), localTransport: true, failure: "REPOSITORY_UNREACHABLE", config, env };
}

function headOf(branch: string): string {
  if (!branchSchema.safeParse(branch).success) throw new SlipwayError("INVALID_REQUEST", `${JSON.stringify(branch)} is not a branch name.`, { branch });
  return `refs/heads/${branch}`;
}

/** What git and the address say in words of ours; both are read as they are, in English (`LC_ALL=C`). */
function refusalOf(report: string, stderr: string): Extract<BranchPush, { kind: "refused" }> {
  const told = report.split("\n").find((line) => line.startsWith("!\t"));
  const remote = stderr
    .split("\n")
    .flatMap((line) => /^remote: ?(.*)$/.exec(line)?.[1]?.trim() ?? [])
    .filter((line) => line !== "");
  const said = [told?.split("\t")[2], ...(remote.length > 0 ? remote : [lastWords(stderr)])].filter(Boolean).join("; ").slice(0, 1_000);
  const text = `${report}\n${stderr}`;
  const refused = (why: PushRefusal): Extract<BranchPush, { kind: "refused" }> => ({ kind: "refused", why, said });
  if (/protected branch|GH006|GH013|protected ref|repository rule/i.test(text)) return refused("protected");
  if (/stale info|fetch first|non-fast-forward|cannot lock ref|failed to update ref/.test(text)) return refused("moved");
  if (told !== undefined) return refused("rejected");
  if (/returned error: 30[12378]|redirects followed/i.test(stderr)) return refused("redirected");
  if (/Authentication failed|could not read (Username|Password)|returned error: (401|403)|Permission denied/i.test(stderr)) return refused("auth");
  if (/not found|does not appear to be a git repository|returned error: (404|410)/i.test(stderr)) return refused("missing");
  throw new SlipwayError("REPOSITORY_UNREACHABLE", `The repository's address did not take the branch: ${said}`, { stderr: stderr.trim().slice(-2_000) });
}

function lastWords(stderr: string): string {
  const lines = stderr.trim().split("\n");
  return lines.findLast((line) => /^(fatal|error):/.test(line)) ?? lines.at(-1) ?? "";
}
