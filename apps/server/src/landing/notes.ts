import { addNoteLine, notedCommits } from "@slipway/git/notes";
import { canonicalJson } from "@slipway/protocol/canonical-json";
import { SlipwayError } from "@slipway/protocol/errors";
import type { ControlPlane } from "../control-plane.ts";
import { hubRoot } from "../hub/hub-folder.ts";
import { findJobDetail } from "../jobs/find-job.ts";
import { statementOf } from "../jobs/statement.ts";

/** Landed jobs that are looked at when a server starts: more cannot have landed in the moment in which one was killed. */
const LOOKED_AT = 200;

/**
 * Writes the statement of a landed job, with its receipts, into a note of the commit that landed. The landing stands without it: what goes wrong here is
 * logged, and the next start makes up for it. Once more changes nothing.
 */
export async function noteLanding(plane: ControlPlane, jobId: string): Promise<void> {
  try {
    await writeNote(plane, jobId);
  } catch (error) {
    // What others pushed to the repository's address is merged by nobody's attempt, and has no statement.
    if (error instanceof SlipwayError && error.code === "NOT_FOUND") return;
    plane.log.error({ err: error, jobId }, "the note of a landed commit could not be written; the next start tries again");
  }
}

async function writeNote(plane: ControlPlane, jobId: string): Promise<void> {
  const detail = await findJobDetail(plane.store, jobId);
  const { landedOid, repo } = detail.job;
  if (landedOid === null) return;
  await addNoteLine(hubRoot(plane.folder, repo.id), landedOid, canonicalJson(await statementOf(plane, detail)));
}

/** Makes up for notes that a kill between a landing and its note has cost. */
export async function writeMissingNotes(plane: ControlPlane): Promise<void> {
  const noted = new Map<string, Set<string>>();
  for (const { id, landedOid, repo } of await newestLanded(plane)) {
    const root = hubRoot(plane.folder, repo.id);
    const known = noted.get(root) ?? (await notedCommits(root));
    noted.set(root, known);
    if (landedOid !== null && !known.has(landedOid)) await noteLanding(plane, id);
  }
}

async function newestLanded({ store }: ControlPlane) {
  const jobs = await store.listJobs({ states: ["done"], kinds: ["task"], limit: LOOKED_AT });
  return jobs.filter(({ landedOid }) => landedOid !== null);
}
