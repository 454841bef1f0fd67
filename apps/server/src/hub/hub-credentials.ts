import { SlipwayError } from "@slipway/protocol/errors";
import type { ControlPlane } from "../control-plane.ts";
import { sha256 } from "../secrets.ts";
import { BASE_REFS, earlierRefs, jobRef, mergeRef } from "./hub-access.ts";

/** What a credential may do with one store of one repository. */
export interface HubGrant {
  /** Name for git's log. */
  readonly user: string;
  /** The one ref, or an extended regular expression for refs, that may be pushed; null: fetch only. */
  readonly push: string | null;
  /** Refs below this one may be pushed beside it. */
  readonly pushBelow?: string;
}

export type HubStore = "upstream" | "jobs";

/** Bases that a CLI pushes, named by their own commit; an extended regular expression for the whole ref. */
const BASES = `${BASE_REFS}([0-9a-f]{40}|[0-9a-f]{64})`;

/**
 * What this password may do here. An attempt's credential is good while its lease lives: both stores to fetch, its own ref to push – and nothing for a
 * task attempt in the store of other jobs' objects but that push, unless it reviews a job's change, or goes on from it. A person's token may push bases, and fetch both: whoever may ask for any job's diff may have
 * its commit. UNAUTHENTICATED, FORBIDDEN.
 */
export async function hubGrant(plane: ControlPlane, password: string, at: { repoId: string; store: HubStore; write: boolean }): Promise<HubGrant> {
  const grant = await grantOf(plane, password, at);
  if (grant === undefined) throw new SlipwayError("UNAUTHENTICATED", "The hub does not know this credential, or its lease is over.");
  if (grant === null || (at.write && grant.push === null)) {
    throw new SlipwayError("FORBIDDEN", `This credential may not ${at.write ? "push to" : "fetch from"} ${at.store}.git of this repository.`, {
      store: at.store,
    });
  }
  return grant;
}

/** Undefined: nobody's. Null: somebody's, but not for here. */
async function grantOf(
  plane: ControlPlane,
  password: string,
  { repoId, store, write }: { repoId: string; store: HubStore; write: boolean },
): Promise<HubGrant | null | undefined> {
  const digest = sha256(password);
  const attempt = await plane.store.findAttemptByCredential(digest);
  if (attempt) {
    if (attempt.repoId !== repoId) return null;
    const user = `job-${attempt.jobId}-${attempt.fence}`;
    if (!write && attempt.readsJobs) return { user, push: null };
    if (attempt.kind === "verify" || store === "upstream") return { user, push: null };
    return write ? { user, push: jobRef(attempt.jobId, attempt.fence), pushBelow: earlierRefs(attempt.jobId, attempt.fence) } : null;
  }
  const completion = await plane.store.findCompletionByCredential(digest);
  if (completion) {
    if (completion.repoId !== repoId) return null;
    return {
      user: `completion-${completion.completionId}-${completion.fence}`,
      push: store === "jobs" ? mergeRef(completion.completionId, completion.fence) : null,
    };
  }
  const token = await plane.tokens.find(password);
  if (!token) return undefined;
  if (token.role !== "admin" && token.role !== "submitter") return null;
  return { user: `token-${token.id}`, push: store === "upstream" ? BASES : null };
}
