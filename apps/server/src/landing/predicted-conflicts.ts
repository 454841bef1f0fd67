import { changedPaths, readBranch } from "@slipway/git/hub";
import { foreseenOnHub, parentOf } from "@slipway/git/hub-merges";
import type { ControlPlane } from "../control-plane.ts";
import { hubRoot } from "../hub/hub-folder.ts";

/** A change on its way to a target, and the paths on which it conflicts with what the target has now. */
export interface ForeseenChange {
  readonly jobId: string;
  readonly number: number;
  /** Null for a job at work, of which the hub has something. */
  readonly completionId: string | null;
  readonly oid: string;
  readonly withTarget: readonly string[];
}

/** Two of these changes, by their jobs' numbers, that cannot both land as they are. */
export interface ForeseenPair {
  readonly first: number;
  readonly second: number;
  readonly paths: readonly string[];
}

/** What is likely to conflict on one target. A conflict that is foreseen may not come, and one that comes may not have been foreseen. */
export interface PredictedConflicts {
  readonly targetOid: string | null;
  /** In the order in which they are to land, those at work last; the first 20. */
  readonly changes: readonly ForeseenChange[];
  readonly pairs: readonly ForeseenPair[];
}

/** Pairs that are merged in one look, beside those that touch no common path, which cost nothing. */
const MERGES_LIMIT = 60;

/**
 * Looks ahead: which changes on their way to a target conflict with it, or with each other. Two commits are merged once, as the answer never changes, and only
 * where they touch a common path; nothing of it stays on the hub.
 */
export async function predictedConflicts(plane: ControlPlane, repoId: string, target: string, signal?: AbortSignal): Promise<PredictedConflicts> {
  const root = hubRoot(plane.folder, repoId);
  const [targetOid, onWay] = await Promise.all([readBranch(root, target), plane.store.changesOnWay(repoId, target)]);
  const looked: Looked[] = [];
  for (const { jobId, number, completionId, oid } of onWay) {
    const base = await once(`${root} parent ${oid}`, async () => await parentOf(root, oid));
    if (base === null) continue;
    const paths = await pathsBetween(root, base, oid);
    const withTarget =
      targetOid === null ? [] : await conflicting(root, { oid: targetOid, paths: await pathsBetween(root, base, targetOid) }, { oid, paths }, signal);
    looked.push({ jobId, number, completionId, oid, withTarget, paths });
  }
  return { targetOid, changes: looked.map(({ paths: _, ...change }) => change), pairs: await pairsOf(root, looked, signal) };
}

type Looked = ForeseenChange & { readonly paths: readonly string[] };

async function pairsOf(root: string, changes: readonly Looked[], signal: AbortSignal | undefined): Promise<ForeseenPair[]> {
  const pairs: ForeseenPair[] = [];
  let left = MERGES_LIMIT;
  for (const [index, second] of changes.entries()) {
    for (const first of changes.slice(0, index)) {
      if (!touch(first.paths, second.paths)) continue;
      left -= 1;
      if (left < 0) return pairs;
      const paths = await conflicting(root, first, second, signal);
      if (paths.length > 0) pairs.push({ first: first.number, second: second.number, paths });
    }
  }
  return pairs;
}

interface Side {
  readonly oid: string;
  readonly paths: readonly string[];
}

async function conflicting(root: string, ours: Side, theirs: Side, signal: AbortSignal | undefined): Promise<readonly string[]> {
  if (!touch(ours.paths, theirs.paths)) return [];
  return await once(`${root} merge ${ours.oid} ${theirs.oid}`, async () => (await foreseenOnHub(root, ours.oid, theirs.oid, signal)).map(({ path }) => path));
}

function touch(ours: readonly string[], theirs: readonly string[]): boolean {
  const known = new Set(ours);
  return theirs.some((path) => known.has(path));
}

async function pathsBetween(root: string, from: string, to: string): Promise<readonly string[]> {
  return from === to ? [] : await once(`${root} paths ${from} ${to}`, async () => await changedPaths(root, from, to));
}

/** Answers about commits, which never change. */
const ANSWERS_LIMIT = 2_000;
const answers = new Map<string, unknown>();

async function once<T>(key: string, work: () => Promise<T>): Promise<T> {
  if (answers.has(key)) return answers.get(key) as T;
  const answer = await work();
  if (answers.size >= ANSWERS_LIMIT) answers.clear();
  answers.set(key, answer);
  return answer;
}
