import { hasCommit, treeOf } from "@slipway/git/hub";
import { reviseMessage, reviseTask } from "@slipway/prompts/revise-task";
import { SlipwayError } from "@slipway/protocol/errors";
import { type JobDetail, type JobView, TASK_LIMIT_CHARACTERS, workOf } from "@slipway/protocol/job";
import type { ReviseJob } from "@slipway/protocol/revise";
import { newId } from "@slipway/protocol/scalars";
import { isFinal } from "@slipway/protocol/states";
import { STEER_LIMIT_CHARACTERS } from "@slipway/protocol/turn-settings";
import type { ControlPlane } from "../control-plane.ts";
import { madeOn } from "../evidence/artifacts.ts";
import { hubRoot } from "../hub/hub-folder.ts";
import { routeAgain } from "../routing/route-again.ts";
import type { Actor } from "../store/store.ts";
import { findChange } from "./find-change.ts";
import { keepContinued } from "./keep-continued.ts";
import { placeComments } from "./place-comments.ts";
import { type RevisionStart, startOfRevision } from "./revision-start.ts";
import { steerJob } from "./steer.ts";
import { store } from "./submit.ts";

/**
 * What a person asks of a job's change, at its lines. An agent at work that takes messages gets it as one; of a job that is over a new one is made, which goes on from
 * the change. CONFLICT for a job that is neither, or has no change; NOT_FOUND where the hub no longer has it; INVALID_REQUEST names a comment whose place is not there.
 */
export async function reviseJob(
  plane: ControlPlane,
  detail: JobDetail,
  asked: ReviseJob,
  by: Actor,
  signal: AbortSignal,
): Promise<{ job: JobView; created: boolean }> {
  const { job } = detail;
  requireChanging(job);
  if (!isFinal(job.state)) return { job: await tellAgent(plane, detail, asked, by), created: false };
  const oid = asked.change === undefined ? workOf(detail) : findChange(detail, asked.change, "change").oid;
  if (oid === null) throw refused(job, "nothing of its agent's work is kept", `Do the task again: \`slipway retry ${job.number}\`.`);
  const root = hubRoot(plane.folder, job.repo.id);
  if (!(await hasCommit(root, oid)))
    throw new SlipwayError("NOT_FOUND", `The change of job ${job.number} is no longer on the hub.`, {
      job: job.id,
      oid,
      hint: `The hub keeps it for a while after the job's end. Do the task again: \`slipway retry ${job.number}\`.`,
    });
  const comments = await placeComments(root, { oid, baseOid: await madeOn(root, job, oid) }, asked.comments);
  const start = await startOfRevision(plane, detail, oid, signal);
  const id = newId();
  const task = reviseTask({
    ...asked,
    job: job.number,
    where: start.work ? "workspace" : "base",
    comments,
    refusals: refusalsOf(detail),
    originalTask: job.task,
  });
  requireRoom(task, TASK_LIMIT_CHARACTERS);
  const draft = await draftOf(plane, root, { job, start, id, task, oid });
  await keepContinued(plane, { repo: job.repo, continues: draft.continues }, id);
  const made = await store(plane, draft, by);
  return { job: made.job, created: true };
}

async function draftOf(
  plane: ControlPlane,
  root: string,
  { job, start, id, task, oid }: { job: JobView; start: RevisionStart; id: string; task: string; oid: string },
) {
  const { baseOid, target, landing, revises } = start;
  // A fix is proven on its base, which has the fix by now; what is left of it is work like any other.
  const kind = job.taskKind === "fix" ? { taskKind: "develop" as const, taskSpec: {} } : {};
  return {
    ...job,
    ...(await routeAgain(plane, { ...job, images: [] })),
    ...kind,
    id,
    repoId: job.repo.id,
    task,
    title: `Revise job ${job.number}: ${job.title}`.slice(0, 200),
    images: [],
    baseOid,
    target,
    landing,
    revises,
    continues: { jobId: job.id, number: job.number, work: start.work ? { oid, tree: await treeOf(root, oid) } : null },
    runAfter: null,
    dependsOn: [],
    dedupeKey: null,
    replay: null,
    retryOf: null,
    completionId: null,
  };
}

/** Its files are not there to be read yet: places are told, and lines are not quoted. */
async function tellAgent(plane: ControlPlane, { job }: JobDetail, { note, comments }: ReviseJob, by: Actor): Promise<JobView> {
  if (job.state !== "running") {
    const hint = `Wait for its end, or end it: \`slipway cancel ${job.number}\`. \`slipway explain ${job.number}\` says what it waits for.`;
    throw refused(job, `it is ${job.state}`, hint);
  }
  const text = reviseMessage({ note, comments });
  requireRoom(text, STEER_LIMIT_CHARACTERS);
  return (await steerJob(plane, job.id, text, by)).job;
}

function requireChanging(job: JobView): void {
  if (job.kind !== "task") throw refused(job, "it only verifies another one", "Revise the job that it verifies.");
  if (job.readOnly) throw refused(job, "it changes nothing", "Submit another job with what you want to know.");
}

/** Why the change did not land, as far as it is told: of the newest attempt, and of the job. */
function refusalsOf({ job, attempts }: JobDetail): string[] {
  if (job.state !== "failed" || !job.failure) return [];
  const red = attempts.findLast(({ keptRed }) => keptRed !== null)?.keptRed ?? [];
  const lines = red.flatMap(({ by, name, findings }) => findings.slice(0, 10).map((finding) => `${by === name ? by : `${by} ${name}`}: ${finding}`));
  return [`${job.failure.code}: ${job.failure.message.slice(0, 2_000)}`, ...lines.slice(0, 60)];
}

function requireRoom(text: string, limit: number): void {
  if (text.length <= limit) return;
  throw new SlipwayError("INVALID_REQUEST", `comments: expected less: with all that they quote they are ${text.length} characters, and ${limit} are allowed.`, {
    field: "comments",
    value: text.length,
    expected: `at most ${limit} characters`,
    hint: "Send some of them, and the others when that is done.",
  });
}

function refused({ number, id, state }: JobView, why: string, hint: string): SlipwayError {
  const expected = "a job that is over and has a change, or one whose agent is at work";
  return new SlipwayError("CONFLICT", `Job ${number} cannot be revised: ${why}.`, { job: id, state, expected, hint });
}
