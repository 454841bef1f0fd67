import { join } from "node:path";
import { layMerge } from "@slipway/git/laid-merge";
import type { WorkerRepository } from "@slipway/git/repository";
import { pathsText, type Revision } from "@slipway/protocol/revisions";
import type { AttemptContext } from "../attempt/context.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import type { Deadline } from "./deadline.ts";
import { bringIn, isTakenOver } from "./handover.ts";
import { BASE_SIDE, type LaidOut, OWN_SIDE, revisionObjection } from "./revision-prompt.ts";

/** Of the journal's step that holds how the merge was laid out. */
const STEP = "revision";
/** Conflicts that the journal keeps; the prompt names fewer. */
const CONFLICTS_KEPT = 200;

/**
 * What the first turn of a job is told whose change was rejected; undefined for any other. The change is merged onto the target's commit, which the workspace was
 * made of, and brought into it, once, with conflict markers where it does not fit: after the setup, which has a network and must not run what an agent wrote.
 * Where another backend has begun to mend it and left something, that is what comes into the workspace. WORKSPACE_FAILED.
 */
export async function takeUpRevision(context: AttemptContext, sandbox: Sandbox, repository: WorkerRepository, deadline: Deadline): Promise<string | undefined> {
  const { job } = context.claim;
  const { revision, handover } = job;
  if (!revision) return undefined;
  if (isTakenOver(job) && handover?.oid) return revisionObjection(revision, undefined);
  const laid = await context.journal.step<LaidOut>(STEP, () => layOut(context, sandbox, repository, { revision, deadline }));
  await context.events.emitOnce("revision", { kind: "notice", data: { level: "info", text: toldText(revision, laid) } });
  return revisionObjection(revision, laid);
}

async function layOut(
  context: AttemptContext,
  sandbox: Sandbox,
  repository: WorkerRepository,
  { revision, deadline }: { readonly revision: Revision; readonly deadline: Deadline },
): Promise<LaidOut> {
  const { baseOid: base, targetOid: ours, workOid: theirs, target } = revision;
  const out = join(context.paths.work, "revision");
  const names = { base: BASE_SIDE, ours: target, theirs: OWN_SIDE };
  const { conflicts, changes } = await layMerge(repository, { base, ours, theirs, out, names, signal: context.signal });
  if (changes.length > 0) await bringIn(context, sandbox, out, { what: "The merge of the change with its target", timeoutMs: deadline.prepareMs() });
  return { conflicts: conflicts.slice(0, CONFLICTS_KEPT), changed: changes.length };
}

function toldText({ number, of, target, targetOid }: Revision, { conflicts }: LaidOut): string {
  const how = conflicts.length === 0 ? "without a conflict" : `with conflicts in ${pathsText(conflicts.map(({ path }) => path))}`;
  return `Revision ${number} of ${of} begins with the change merged onto ${target} at ${targetOid.slice(0, 12)}, ${how}.`;
}

/**
 * How many turns its agent's session has had before this attempt, as far as its backend has to know: none where it begins a new one. A kept home holds the
 * session of the turns by which the rejected change was made.
 */
export function turnsBefore({ claim, keptHome, manifest }: AttemptContext): number {
  const { revision } = claim.job;
  return revision && keptHome && manifest?.capabilities.resume ? revision.number : 0;
}
