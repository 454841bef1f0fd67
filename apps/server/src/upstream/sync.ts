import { fastForwardBranch, isAncestor } from "@slipway/git/hub";
import { withLock } from "@slipway/git/lock";
import { pushNotes } from "@slipway/git/notes";
import {
  fetchUpstream,
  keepTips,
  notePushed,
  outbox,
  pushUpstream,
  replaceBranch,
  type Tip,
  takenOut,
  UPSTREAM_BEFORE,
  upstreamTips,
} from "@slipway/git/upstream";
import type { UpstreamAccess } from "@slipway/git/upstream-access";
import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import type { UpstreamBranch, UpstreamMove } from "@slipway/protocol/upstream";
import type { ControlPlane } from "../control-plane.ts";
import { hubRoot } from "../hub/hub-folder.ts";
import type { RepositoryRow } from "../store/store.ts";
import { upstreamAccess } from "./access.ts";
import { describeBranch, type Pair, pairs, stateOf } from "./branches.ts";
import { FetchJournal } from "./fetch-journal.ts";
import { mergeDiverged } from "./merge-diverged.ts";

/** What a sync found and did. */
export interface Synced {
  readonly branches: readonly Tip[];
  readonly moves: readonly UpstreamMove[];
  /** Branches whose history was rewritten at the address since the last time. */
  readonly rewritten: readonly string[];
  /** Branches of the hub that neither follow nor are pushed: a person decides. */
  readonly waiting: readonly UpstreamBranch[];
  /** Branches that diverged and that a job is merging. */
  readonly merging: readonly string[];
}

/** What is asked of a plane here. */
export type SyncPlane = ControlPlane;

/** The first pause after a failure, and the longest, in ms. */
const PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 600_000;

/**
 * Brings hub and address together: fetches, moves branches of the hub forward where that is a fast-forward, follows a rewritten history where that is the
 * rule and loses nothing of ours, and pushes what landed where that is the rule. Whatever cannot be decided so stays as it is and is told. Each step may be
 * cut off: the next sync sees from the refs what is left. How it went is remembered with the repository. CONFLICT for a repository without an address; the
 * codes of `fetchUpstream` and `pushUpstream`; UPSTREAM_DIVERGED where pushing is the rule and a branch waits for a person.
 */
export async function syncUpstream(plane: SyncPlane, repository: RepositoryRow, signal: AbortSignal): Promise<Synced> {
  if (repository.url === null) {
    throw new SlipwayError("CONFLICT", `The repository ${repository.name} has no address to fetch from.`, {
      hint: "Push to its hub instead; `slipway run` in a checkout does it by itself.",
    });
  }
  try {
    const synced = await withLock(`upstream ${repository.id}`, () => syncAlone(plane, repository, repository.url ?? "", signal), signal);
    await plane.store.recordSync(repository.id, { error: null, nextInMs: repository.upstream.syncEveryMs });
    return synced;
  } catch (error) {
    if (!signal.aborted) await noteFailure(plane, repository, error);
    throw error;
  }
}

/** Remembers that a fetch or a push failed; the next try comes by itself where anything is done by itself, after a pause that grows with each failure. */
export async function noteFailure(plane: SyncPlane, { id, upstream, upstreamSync }: RepositoryRow, error: unknown): Promise<void> {
  const { code, message } = toSlipwayError(error);
  const isByItself = upstream.syncEveryMs !== null || upstream.push !== "never";
  const pauseMs = Math.min(LONGEST_PAUSE_MS, PAUSE_MS * 2 ** Math.min(upstreamSync.failures, 10));
  await plane.store.recordSync(id, { error: { code, message: message.slice(0, 1_000) }, nextInMs: isByItself ? pauseMs : null });
}

async function syncAlone(plane: SyncPlane, repository: RepositoryRow, url: string, signal: AbortSignal): Promise<Synced> {
  const root = hubRoot(plane.folder, repository.id);
  const access = await upstreamAccess(plane, repository);
  const { branches, rewritten } = await fetchNoticing(root, url, access, signal);
  if (rewritten.length > 0) plane.log.warn({ repository: repository.name, branches: rewritten }, "the history at a repository's address was rewritten");
  const moves: UpstreamMove[] = [];
  const waiting: UpstreamBranch[] = [];
  const merging: string[] = [];
  const refusals: unknown[] = [];
  const out = new Set((await outbox(root)).map(({ branch }) => branch));
  for (const pair of await pairs(root)) {
    // Of a branch that the address never had there is nothing to follow; it is pushed where it landed under that rule.
    if (pair.upstreamOid === null && pair.dropped.length === 0 && !out.has(pair.branch)) continue;
    const state = await stateOf(root, pair);
    if (state === "equal" && out.has(pair.branch)) await takenOut(root, pair.branch);
    const moved = await settle({ root, url, access, repository, signal }, pair, state).catch((error: unknown) => {
      signal.throwIfAborted();
      refusals.push(error);
    });
    if (moved === "waits") {
      const isMerged = state === "diverged" && repository.upstream.onDiverged === "merge";
      if (isMerged && (await mergeDiverged(plane, repository, pair, signal)) === "merging") merging.push(pair.branch);
      else waiting.push(await describeBranch(root, pair));
    } else if (moved) moves.push(moved);
  }
  await forgetWithdrawn(root);
  if (repository.upstream.push === "landed" && (await pushNotes(root, url, signal, access)) === "diverged")
    plane.log.warn({ repository: repository.name }, "the notes at the repository's address are somebody else's, and are left as they are");
  for (const move of moves) {
    plane.log.info({ repository: repository.name, ...move }, "a branch was brought together with the repository's address");
    if (move.what !== "pushed") plane.targetChanged(repository.id, move.branch);
  }
  if (refusals.length > 0) throw refusals[0];
  const [first] = waiting;
  if (first && repository.upstream.push === "landed") throw diverged(repository, first, waiting);
  return { branches, moves, rewritten, waiting, merging };
}

/** Fetches, and keeps the old commits of branches whose history was rewritten. */
async function fetchNoticing(
  root: string,
  url: string,
  access: UpstreamAccess,
  signal: AbortSignal,
): Promise<{ branches: readonly Tip[]; rewritten: readonly string[] }> {
  const journal = new FetchJournal(root);
  // Where an earlier fetch was cut off before it was looked at, this is what was there before that one.
  const before = await journal.begin(await upstreamTips(root));
  const branches = await fetchUpstream(root, url, signal, access);
  const now = new Map(branches.map(({ branch, oid }) => [branch, oid]));
  const hub = new Set((await pairs(root)).map(({ branch }) => branch));
  const rewritten: Tip[] = [];
  for (const tip of before) {
    const oid = now.get(tip.branch);
    if (oid === tip.oid) continue;
    // A branch that is gone there is of interest only where jobs have landed on it.
    if (oid === undefined ? hub.has(tip.branch) : !(await isAncestor(root, tip.oid, oid))) rewritten.push(tip);
  }
  await keepTips(root, UPSTREAM_BEFORE, rewritten, Date.now());
  await journal.end();
  return { branches, rewritten: rewritten.map(({ branch }) => branch) };
}

interface Scene {
  readonly root: string;
  readonly url: string;
  readonly access: UpstreamAccess;
  readonly repository: RepositoryRow;
  readonly signal: AbortSignal;
}

/** Does for one branch what its state and the rules say. */
async function settle(scene: Scene, pair: Pair, state: UpstreamBranch["state"]): Promise<UpstreamMove | "waits" | undefined> {
  const { root, url, access, repository, signal } = scene;
  const { branch, hubOid, upstreamOid } = pair;
  if (state === "behind" && upstreamOid !== null) return await forward(root, branch, upstreamOid);
  if (state === "rewritten" && repository.upstream.onRewrite === "follow" && upstreamOid !== null && (await hasNothingOfOurs(root, pair))) {
    const isMoved = await replaceBranch(root, { branch, fromOid: hubOid, toOid: upstreamOid, at: Date.now() });
    return isMoved ? { branch, what: "followed", oid: upstreamOid } : undefined;
  }
  if (state === "diverged" || state === "rewritten") return "waits";
  if (state !== "ahead" || repository.upstream.push !== "landed") return undefined;
  // Where it moved since the fetch, the next sync sees that.
  if ((await pushUpstream(root, url, { branch, newOid: hubOid, expectedOid: upstreamOid }, signal, access)) === "moved") return undefined;
  await notePushed(root, branch, hubOid);
  await takenOut(root, branch);
  return { branch, what: "pushed", oid: hubOid };
}

/** A landing may come first: then the branch is no longer behind, and the next sync looks anew. */
async function forward(root: string, branch: string, oid: string): Promise<UpstreamMove | undefined> {
  try {
    await fastForwardBranch(root, branch, oid);
    return { branch, what: "forwarded", oid };
  } catch (error) {
    if (error instanceof SlipwayError && error.code === "CONFLICT") return undefined;
    throw error;
  }
}

/** Whether all that the hub's branch has was at the address once. */
async function hasNothingOfOurs(root: string, { hubOid, dropped }: Pair): Promise<boolean> {
  for (const { oid } of dropped) if (await isAncestor(root, hubOid, oid)) return true;
  return false;
}

/** What was to be pushed of a branch that never came about: its landing was taken back. */
async function forgetWithdrawn(root: string): Promise<void> {
  const there = new Set((await pairs(root)).map(({ branch }) => branch));
  for (const { branch } of await outbox(root)) if (!there.has(branch)) await takenOut(root, branch);
}

function diverged(repository: RepositoryRow, first: UpstreamBranch, waiting: readonly UpstreamBranch[]): SlipwayError {
  const { branch, ahead, behind, state } = first;
  const what =
    state === "rewritten"
      ? `the history of ${branch} was rewritten at its address, and the hub's ${branch} has commits that were dropped there`
      : `${branch} has ${ahead} commits on the hub alone, and ${behind} at its address alone`;
  const more = waiting.length > 1 ? ` So do ${waiting.length - 1} more branches.` : "";
  const name = /^[\w.-]+$/.test(repository.name) ? repository.name : repository.id;
  return new SlipwayError("UPSTREAM_DIVERGED", `Of ${repository.name}, ${what}.${more}`, {
    branches: waiting.map((one) => one.branch),
    hint: `Look at both, then take one: \`slipway repos resolve ${name} --branch ${branch} --take upstream\` or \`--take hub\`. What gives way is kept.`,
  });
}
