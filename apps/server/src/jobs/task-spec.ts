import { hasCommit, readFileAt, readFolderAt, resolveCommit } from "@slipway/git/hub";
import { parentOf } from "@slipway/git/hub-merges";
import { PROMPTS_FOLDER, PromptBook } from "@slipway/prompts/prompt-book";
import { SlipwayError } from "@slipway/protocol/errors";
import { type SubmitJob, workOf } from "@slipway/protocol/job";
import type { RepositoryConfig } from "@slipway/protocol/repository-config";
import { isDocumentKind, type Reviewed, SPEC_FIELDS, type TaskSpec } from "@slipway/protocol/task-kinds";
import { documentPathOf } from "@slipway/protocol/title-words";
import type { ControlPlane } from "../control-plane.ts";
import { hubRoot } from "../hub/hub-folder.ts";
import type { RepositoryRow } from "../store/store.ts";
import { findJobDetail } from "./find-job.ts";

type Asked = Pick<SubmitJob, "taskKind" | "taskSpec" | "readOnly" | "target">;

/** INVALID_REQUEST where a field of the spec is not one of the job's kind, or one that the kind needs is missing. */
export function checkTaskSpec({ taskKind, taskSpec, readOnly, target }: Asked): void {
  for (const [field, kinds] of Object.entries(SPEC_FIELDS)) {
    const value = taskSpec[field as keyof typeof taskSpec];
    if (value === undefined || kinds.includes(taskKind)) continue;
    throw refused(
      `taskSpec.${field}`,
      value,
      `a job of the kind ${kinds.join(" or ")}`,
      `Leave it out, or give the job another kind; this one is ${taskKind}.`,
    );
  }
  if (taskKind !== "develop" && readOnly)
    throw refused("readOnly", true, "a job of the kind develop", `Leave one of the two out: --read-only, or the kind ${taskKind}.`);
  if (taskKind === "fix" && taskSpec.failingTest === undefined && taskSpec.failureLog === undefined)
    throw refused("taskSpec", null, "a failing test or a log", "Say what fails: --failing-test NAME, or --log FILE (`-` reads standard input).");
  if (taskKind === "review" && taskSpec.review === undefined)
    throw refused("taskSpec.review", null, "what is reviewed", "Name a job (--of JOB) or a range of commits (--diff BASE..HEAD).");
  if (taskKind === "review" && target !== undefined)
    throw refused("target", target, "no target", "A review lands nothing: leave the branch to land on (--into) out.");
}

/** The commits that a review is about; undefined for other kinds. NOT_FOUND, CONFLICT or BASE_NOT_FOUND where there are none. */
export async function reviewedOf(
  plane: ControlPlane,
  repository: RepositoryRow,
  { taskSpec }: Asked,
  resolve: (base: string) => Promise<string>,
): Promise<Reviewed | undefined> {
  const { review } = taskSpec;
  if (!review) return undefined;
  if ("job" in review) return await reviewedJob(plane, repository, review.job);
  const [baseOid, headOid] = await Promise.all([resolve(review.base), resolve(review.head)]);
  if (baseOid === headOid)
    throw refused("taskSpec.review.head", review.head, "another commit than the base", "There is nothing to review between a commit and itself.");
  return { baseOid, headOid, from: "upstream", job: null };
}

async function reviewedJob(plane: ControlPlane, repository: RepositoryRow, asked: string): Promise<Reviewed> {
  const detail = await findJobDetail(plane.store, asked);
  const { job } = detail;
  const headOid = workOf(detail);
  const field = "taskSpec.review.job";
  if (job.repo.id !== repository.id)
    throw refused(
      field,
      asked,
      `a job of the repository ${repository.name}`,
      `Job ${job.number} is of ${job.repo.name}: run the command in a checkout of that one.`,
    );
  if (headOid === null)
    throw new SlipwayError("CONFLICT", `Job ${job.number} has no change to review; it is ${job.state}.`, {
      field,
      value: asked,
      job: job.id,
      state: job.state,
    });
  const root = hubRoot(plane.folder, repository.id);
  // What landed is for every agent to see, and stays; the rest is in the store of jobs for a while.
  const isUpstream = (await resolveCommit(root, headOid).catch(() => undefined)) === headOid;
  if (!isUpstream && !(await hasCommit(root, headOid)))
    throw new SlipwayError("CONFLICT", `The change of job ${job.number} is no longer kept.`, { field, value: asked, job: job.id, state: job.state });
  // A job that goes back to its agent has another base than the change that it has so far.
  const baseOid = isUpstream ? job.baseOid : ((await parentOf(root, headOid)) ?? job.baseOid);
  return { baseOid, headOid, from: isUpstream ? "upstream" : "jobs", job: job.number };
}

/** What the job needs to know by its kind, all of it. INVALID_REQUEST. */
export async function resolveTaskSpec(
  { taskKind, taskSpec }: Asked,
  given: {
    readonly config: RepositoryConfig;
    readonly root: string;
    readonly baseOid: string;
    readonly title: string;
    readonly id: string;
    readonly review: Reviewed | undefined;
  },
): Promise<TaskSpec> {
  const { review: _, ...own } = taskSpec;
  const { config, review } = given;
  if (taskKind === "fix" && config.gates.length === 0)
    throw refused(
      "taskKind",
      taskKind,
      "a repository with gates",
      "A fix is done when a gate passes: name the command in `gates` of .slipway.yaml, or take the kind develop.",
    );
  if (isDocumentKind(taskKind)) return { ...own, document: own.document ?? (await freePath(given, config.documents[taskKind])) };
  return review ? { ...own, review } : own;
}

/** A document that is there already is somebody's: it is changed only where it is named. */
async function freePath({ root, baseOid, title, id }: { root: string; baseOid: string; title: string; id: string }, folder: string): Promise<string> {
  const path = documentPathOf(folder, title);
  return (await readFileAt(root, baseOid, path)) === null ? path : path.replace(/\.md$/, `-${id.slice(-6)}.md`);
}

/** The prompts of a repository at a commit. Its own are judged before anybody waits for a job that could not use them. INVALID_CONFIG. */
export async function openPrompts(root: string, oid: string, { prompts }: RepositoryConfig): Promise<PromptBook> {
  const files = await readFolderAt(root, oid, PROMPTS_FOLDER);
  return PromptBook.open({ files: new Map([...files].map(([name, bytes]) => [name, bytes.toString("utf8")])), config: prompts });
}

function refused(field: string, value: unknown, expected: string, hint: string): SlipwayError {
  return new SlipwayError("INVALID_REQUEST", `${field}: expected ${expected}.`, { field, value, expected, hint });
}
