import { join } from "node:path";
import { applyScript, writeChangedFiles } from "@slipway/git/handover";
import type { WorkerRepository } from "@slipway/git/repository";
import { SlipwayError } from "@slipway/protocol/errors";
import type { JobView } from "@slipway/protocol/job";
import type { AttemptContext } from "../attempt/context.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import type { Deadline } from "./deadline.ts";
import { type ChangedPath, handoverText } from "./handover-prompt.ts";
import { lastLines, plainText } from "./plain-text.ts";

/** Of the journal's step that holds what was taken over. */
const STEP = "handover";
/** Paths that the journal keeps; the prompt names fewer. */
const PATHS_KEPT = 200;

/** What the work of the backend before changed, as far as it is told. */
interface TakenOver {
  readonly paths: ChangedPath[];
  readonly total: number;
}

/**
 * What the first turn is told of the backend before; undefined where there was none. Its work is brought into the workspace, once: after the setup, which has
 * a network and must not run what an agent wrote. WORKSPACE_FAILED.
 */
export async function takeOver(context: AttemptContext, sandbox: Sandbox, repository: WorkerRepository, deadline: Deadline): Promise<string | undefined> {
  const { job } = context.claim;
  const { handover } = job;
  if (!handover || !isTakenOver(job)) return undefined;
  const { oid } = handover;
  const taken = await context.journal.step<TakenOver>(STEP, async () => {
    if (oid === null) return { paths: [], total: 0 };
    const out = join(context.paths.work, "handover");
    const changes = await writeChangedFiles(repository, { baseOid: job.baseOid, oid, out, signal: context.signal });
    await bringIn(context, sandbox, out, { what: "The work of the backend before", timeoutMs: deadline.prepareMs() });
    return { paths: changes.slice(0, PATHS_KEPT).map(({ path, status }) => ({ path, status })), total: changes.length };
  });
  const what = taken.total === 0 ? "It had changed nothing." : `Its changes of ${taken.total === 1 ? "1 file" : `${taken.total} files`} are in the workspace.`;
  const text = `${job.backend} takes over from ${handover.backend}, which ended with ${handover.failure.code}. ${what}`;
  await context.events.emitOnce("handover", { kind: "notice", data: { level: "info", text } });
  return handoverText(handover, taken.paths, taken.total);
}

/** Whether another backend worked for what this attempt works for: what was left before a change went back to its agent, that change has already. */
export function isTakenOver({ handover, revision }: Pick<JobView, "handover" | "revision">): boolean {
  return handover !== null && (revision === null || handover.fence > revision.fence);
}

/** Brings files that were laid out in a folder of the daemon's into the workspace, by a script inside the sandbox. WORKSPACE_FAILED names `what` they are. */
export async function bringIn(
  context: AttemptContext,
  sandbox: Sandbox,
  out: string,
  { what, timeoutMs }: { readonly what: string; readonly timeoutMs: number },
): Promise<void> {
  const inside = sandbox.record.kind === "none" ? out : "/handover";
  const result = await sandbox.run(
    {
      argv: ["sh", "-c", applyScript()],
      env: { PATH: sandbox.inside.path, HOME: "/nonexistent", LC_ALL: "C", WORKSPACE: sandbox.inside.workspace, FROM: inside },
      network: "none",
      // Writable, as the files are the agent's then: it could not read the daemon's.
      mounts: [{ host: out, inside, writable: true }],
      timeoutMs,
      outputLimitBytes: 65_536,
    },
    context.signal,
  );
  context.signal.throwIfAborted();
  if (result.exitCode === 0) return;
  const words = lastLines(plainText(context.masks.bytes(result.output)), 20, 4_000);
  const details = { exitCode: result.exitCode, timedOut: result.timedOut, lastLines: words };
  throw new SlipwayError("WORKSPACE_FAILED", `${what} could not be brought into the workspace.`, details);
}
