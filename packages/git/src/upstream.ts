import { join } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";
import { branchSchema } from "@slipway/protocol/scalars";
import { mirrorShallow } from "./bare-store.ts";
import { gitText, runGit } from "./exec.ts";
import { withLock } from "./lock.ts";
import { reach, type UpstreamAccess } from "./upstream-access.ts";
import { upstreamFailure } from "./upstream-failure.ts";

/** Commits that a rewritten upstream history dropped, or that a person took off the hub: `<prefix>/<ms since 1970>/<branch>`. */
export const UPSTREAM_BEFORE = "refs/slipway/upstream-before";
export const HUB_BEFORE = "refs/slipway/hub-before";

/** A branch and its commit. */
export interface Tip {
  readonly branch: string;
  readonly oid: string;
}

/**
 * Fetches the branches of an upstream into `refs/upstream/*`, which nothing else writes; `refs/heads/*` stays as it is. Ends with
 * REPOSITORY_UNREACHABLE, UPSTREAM_AUTH, UPSTREAM_HOST_UNKNOWN, UPSTREAM_NOT_FOUND, REPOSITORY_EMPTY, DISK_FULL or the signal's reason.
 */
export async function fetchUpstream(root: string, url: string, signal: AbortSignal, access: UpstreamAccess = {}): Promise<Tip[]> {
  const gitDir = join(root, "upstream.git");
  const source = reach(url, access);
  const args = ["fetch", "--quiet", "--prune", "--no-tags", "--no-write-fetch-head", "--update-shallow", "--no-auto-gc"];
  const words = [...args, "--no-recurse-submodules", "--refmap=", "--", source.url, "+refs/heads/*:refs/upstream/*"];
  await withLock(
    `fetch ${gitDir}`,
    () =>
      runGit(words, {
        gitDir,
        signal,
        failure: "REPOSITORY_UNREACHABLE",
        localTransport: true,
        config: [...source.config, ["fetch.unpackLimit", "100"]],
        env: source.env,
      }),
    signal,
  ).catch((error: unknown) => {
    throw upstreamFailure(error, source.url);
  });
  await mirrorShallow(gitDir, join(root, "jobs.git"));
  const branches = await upstreamTips(root);
  if (branches.length === 0) throw new SlipwayError("REPOSITORY_EMPTY", undefined, { url: source.url });
  return branches;
}

/** What was last fetched from the repository's address. */
export async function upstreamTips(root: string): Promise<Tip[]> {
  return await tipsBelow(root, "refs/upstream");
}

/** The branches of the hub, as landings and syncs have moved them. */
export async function hubTips(root: string): Promise<Tip[]> {
  return await tipsBelow(root, "refs/heads");
}

async function tipsBelow(root: string, prefix: string): Promise<Tip[]> {
  const listing = await gitText(["for-each-ref", "--sort=-committerdate", "--format=%(objectname) %(refname:lstrip=2)", `${prefix}/`], {
    gitDir: join(root, "upstream.git"),
  });
  return listing
    .split("\n")
    .filter(Boolean)
    .map((line) => ({ oid: line.slice(0, line.indexOf(" ")), branch: line.slice(line.indexOf(" ") + 1) }));
}

/** A ref that keeps what was dropped. */
export interface KeptTip extends Tip {
  readonly ref: string;
  /** When it was kept, in ms. */
  readonly at: number;
}

/** The commits below `UPSTREAM_BEFORE` or `HUB_BEFORE`, oldest first. */
export async function keptTips(root: string, prefix: string): Promise<KeptTip[]> {
  const listing = await gitText(["for-each-ref", "--format=%(objectname) %(refname)", `${prefix}/`], { gitDir: join(root, "upstream.git") });
  return listing
    .split("\n")
    .flatMap((line) => {
      const match = /^(\S+) (refs\/slipway\/[a-z-]+\/(\d+)\/(.+))$/.exec(line);
      return match ? [{ oid: match[1] as string, ref: match[2] as string, at: Number(match[3]), branch: match[4] as string }] : [];
    })
    .sort((one, other) => one.at - other.at);
}

/** Names these commits below a prefix, so that they stay whatever becomes of their branch. */
export async function keepTips(root: string, prefix: string, tips: readonly Tip[], at: number): Promise<void> {
  if (tips.length === 0) return;
  const input = tips.map(({ branch, oid }) => `update ${prefix}/${at}/${branch}\0${oid}\0\0`).join("");
  await runGit(["update-ref", "--stdin", "-z"], { gitDir: join(root, "upstream.git"), input, failure: "CONFLICT" });
}

export interface UpstreamPush {
  readonly branch: string;
  readonly newOid: string;
  /** What the branch must be at the address, or the push does nothing; null: it must not be there. */
  readonly expectedOid: string | null;
}

/**
 * Pushes a commit of either store to a branch of the repository's own address, with a lease: `moved` where the branch is not what was expected, and then
 * nothing was changed there. The same push again, after an answer that was lost, is `moved` or changes nothing. UPSTREAM_REJECTED where the address says no,
 * UPSTREAM_AUTH, UPSTREAM_HOST_UNKNOWN, UPSTREAM_NOT_FOUND, REPOSITORY_UNREACHABLE, or the signal's reason.
 */
export async function pushUpstream(
  root: string,
  url: string,
  push: UpstreamPush,
  signal: AbortSignal,
  access: UpstreamAccess = {},
): Promise<"pushed" | "moved"> {
  const jobsGit = join(root, "jobs.git");
  await mirrorShallow(join(root, "upstream.git"), jobsGit);
  const source = reach(url, access);
  const ref = headRef(push.branch);
  const args = ["push", "--porcelain", "--no-verify", "--no-follow-tags", "--no-recurse-submodules", `--force-with-lease=${ref}:${push.expectedOid ?? ""}`];
  try {
    const options = { gitDir: jobsGit, signal, failure: "REPOSITORY_UNREACHABLE", localTransport: true, config: source.config, env: source.env } as const;
    const { stdout, exitCode, stderr } = await runGit([...args, "--", source.url, `${push.newOid}:${ref}`], { ...options, okExitCodes: [0, 1] });
    if (exitCode === 0) return "pushed";
    const words = `${stdout.toString()}\n${stderr}`;
    // `fetch first` is of servers that look anew; `remote rejected … cannot lock ref` of one where two pushes met.
    if (/\[rejected\] \((stale info|fetch first|non-fast-forward)\)|cannot lock ref|incorrect old value/.test(words)) return "moved";
    throw refused(push.branch, words, source.url);
  } catch (error) {
    throw upstreamFailure(error, source.url);
  }
}

function refused(branch: string, words: string, url: string): SlipwayError {
  const [reason = "it gave no reason"] = words.split("\n").flatMap((line) => /\[remote rejected\] \((.*)\)/.exec(line)?.[1] ?? []);
  const said = words
    .split("\n")
    .filter((line) => line.startsWith("remote:"))
    .map((line) => line.slice("remote:".length).trim())
    .filter(Boolean)
    .slice(0, 20);
  return new SlipwayError("UPSTREAM_REJECTED", `${url} refuses the push to ${branch}: ${reason}.`, { branch, url, reason, said });
}

/** Has `refs/upstream/<branch>` say what a push brought there; the next fetch would as well. */
export async function notePushed(root: string, branch: string, oid: string): Promise<void> {
  await runGit(["update-ref", "-m", "slipway: push", `refs/upstream/${shortName(branch)}`, oid], { gitDir: join(root, "upstream.git"), failure: "CONFLICT" });
}

/**
 * Has a branch of the hub be another commit, by compare-and-swap, whether that is a fast-forward or not; what it was is kept below `HUB_BEFORE` in the
 * same step. For a rewritten history, and for a person's word. False where the branch moved meanwhile. BASE_NOT_FOUND for a commit that is not there.
 */
export async function replaceBranch(root: string, move: { branch: string; fromOid: string; toOid: string; at: number }): Promise<boolean> {
  const { branch, fromOid, toOid, at } = move;
  const gitDir = join(root, "upstream.git");
  const kept = `update ${HUB_BEFORE}/${at}/${branch}\0${fromOid}\0\0`;
  return await withLock(gitDir, async () => {
    await gitText(["cat-file", "-e", `${toOid}^{commit}`], { gitDir, failure: "BASE_NOT_FOUND" });
    const input = `${kept}update ${headRef(branch)}\0${toOid}\0${fromOid}\0`;
    const { exitCode } = await runGit(["update-ref", "-m", "slipway: replace", "--stdin", "-z"], { gitDir, input, okExitCodes: [0, 128] });
    return exitCode === 0;
  });
}

/** How many commits each of two has that the other has not. BASE_NOT_FOUND. */
export async function aheadBehind(root: string, oid: string, otherOid: string | null): Promise<{ ahead: number; behind: number }> {
  const gitDir = join(root, "upstream.git");
  if (otherOid === null) return { ahead: Number(await gitText(["rev-list", "--count", oid], { gitDir, failure: "BASE_NOT_FOUND" })), behind: 0 };
  const text = await gitText(["rev-list", "--count", "--left-right", `${oid}...${otherOid}`], { gitDir, failure: "BASE_NOT_FOUND" });
  const [ahead = 0, behind = 0] = text.split("\t").map(Number);
  return { ahead, behind };
}

function headRef(branch: string): string {
  return `refs/heads/${shortName(branch)}`;
}

function shortName(branch: string): string {
  if (!branchSchema.safeParse(branch).success) throw new SlipwayError("INVALID_REQUEST", `${JSON.stringify(branch)} is not a branch name.`, { branch });
  return branch;
}

/** New branches whose first landing is still to be pushed. In jobs.git, as the commit may not be on its branch yet. */
const OUTBOX = "refs/slipway/outbox";

/** What of new branches is still to be pushed. Of a branch that the address has, hub and address show it by themselves. */
export async function outbox(root: string): Promise<Tip[]> {
  const listing = await gitText(["for-each-ref", "--format=%(objectname) %(refname:lstrip=3)", `${OUTBOX}/`], { gitDir: join(root, "jobs.git") });
  return listing
    .split("\n")
    .filter(Boolean)
    .map((line) => ({ oid: line.slice(0, line.indexOf(" ")), branch: line.slice(line.indexOf(" ") + 1) }));
}

/** Remembers that a new branch is to be pushed, before it lands. */
export async function putOut(root: string, branch: string, oid: string): Promise<void> {
  await runGit(["update-ref", `${OUTBOX}/${shortName(branch)}`, oid], { gitDir: join(root, "jobs.git"), failure: "CONFLICT" });
}

/** It was pushed, or will never be. */
export async function takenOut(root: string, branch: string): Promise<void> {
  await runGit(["update-ref", "-d", `${OUTBOX}/${shortName(branch)}`], { gitDir: join(root, "jobs.git") });
}
