import { join } from "node:path";
import { applyScript, writeChangedFiles } from "@slipway/git/handover";
import type { WorkerRepository } from "@slipway/git/repository";
import { SlipwayError } from "@slipway/protocol/errors";
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
  if (!handover) return undefined;
  const { oid } = handover;
  const taken = await context.journal.step<TakenOver>(STEP, async () => {
    if (oid === null) return { paths: [], total: 0 };
    const out = join(context.paths.work, "handover");
    const changes = await writeChangedFiles(repository, { baseOid: job.baseOid, oid, out, signal: context.signal });
    await apply(context, sandbox, out, deadline);
    return { paths: changes.slice(0, PATHS_KEPT).map(({ path, status }) => ({ path, status })), total: changes.length };
  });
  const what = taken.total === 0 ? "It had changed nothing." : `Its changes of ${taken.total === 1 ? "1 file" : `${taken.total} files`} are in the workspace.`;
  const text = `${job.backend} takes over from ${handover.backend}, which ended with ${handover.failure.code}. ${what}`;
  await context.events.emitOnce("handover", { kind: "notice", data: { level: "info", text } });
  return handoverText(handover, taken.paths, taken.total);
}

async function apply(context: AttemptContext, sandbox: Sandbox, out: string, deadline: Deadline): Promise<void> {
  const inside = sandbox.record.kind === "none" ? out : "/handover";
  const result = await sandbox.run(
    {
      argv: ["sh", "-c", applyScript()],
      env: { PATH: sandbox.inside.path, HOME: "/nonexistent", LC_ALL: "C", WORKSPACE: sandbox.inside.workspace, FROM: inside },
      network: "none",
      // Writable, as the files are the agent's then: it could not read the daemon's.
      mounts: [{ host: out, inside, writable: true }],
      timeoutMs: deadline.prepareMs(),
      outputLimitBytes: 65_536,
    },
    context.signal,
  );
  context.signal.throwIfAborted();
  if (result.exitCode === 0) return;
  const words = lastLines(plainText(context.masks.bytes(result.output)), 20, 4_000);
  const details = { exitCode: result.exitCode, timedOut: result.timedOut, lastLines: words };
  throw new SlipwayError("WORKSPACE_FAILED", "The work of the backend before could not be brought into the workspace.", details);
}
