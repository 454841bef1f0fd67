import type { TakenCommit } from "@slipway/git/commit";
import { SlipwayError } from "@slipway/protocol/errors";
import { ANSWER_ARTIFACT } from "@slipway/protocol/job";
import type { Outcome } from "@slipway/protocol/worker-api";
import type { AttemptContext } from "../attempt/context.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { storeArtifact } from "./artifact.ts";
import { endAndCommit, hasCommit, recordedCommit } from "./commit.ts";
import { pushEarlierChanges } from "./earlier-changes.ts";
import { imagesOfTurn, withImageNames } from "./job-images.ts";
import { keepWork } from "./keep-work.ts";
import { pushChange } from "./push.ts";
import { review } from "./review.ts";
import { setUp } from "./setup.ts";
import { prepareTask, serversOf, type Task } from "./task.ts";
import { runTurn } from "./turn.ts";
import { verifyTree } from "./verify.ts";
import { workUntilAccepted } from "./work-until-accepted.ts";
import { orWorkspaceFull } from "./workspace-full.ts";

/**
 * One attempt at a job, from its claim to its outcome. Run again with the same journal it goes on where it was: what is done is not done twice.
 * Throws every failure as an error with a code; where the context's signal has aborted, its reason. What was kept of the work then is in the journal
 * (`KEPT_STEP`).
 */
export async function runAttempt(context: AttemptContext): Promise<Outcome> {
  try {
    context.signal.throwIfAborted();
    if (context.claim.verify) return await verifyTree(context, context.claim.verify);
    return context.claim.job.readOnly ? await makeAnswer(context) : await makeChange(context);
  } catch (error) {
    // What broke because everything was ended says less than why it was ended.
    context.signal.throwIfAborted();
    throw await orWorkspaceFull(context, error);
  }
}

/** A task: prepare → setup → (turn ⇄ gates → commit → checks → critic)… → push. What its agent did is kept where it fails. */
async function makeChange(context: AttemptContext): Promise<Outcome> {
  const task = await prepareTask(context);
  try {
    if (task.config.critic) await (await import("./critics-ready.ts")).requireCritics(context, task, task.config.critic);
    const change = await workUntilAccepted(context, task);
    const early = { refused: task.refused, limitMs: task.deadline.commitMs(), signal: context.signal };
    // Beside the push that counts: it waits for none of them longer than for itself.
    await Promise.all([pushChange(context, task.repository, change.oid, task.deadline), pushEarlierChanges(context, task.repository, early)]);
    return { kind: "change", oid: change.oid, diffStat: change.diffStat };
  } catch (error) {
    await keepWork(context, task, context.signal.aborted ? context.signal.reason : error);
    throw error;
  }
}

/** A read-only task, a review among them: prepare → setup → turn → answer. Nothing is gated or committed. READ_ONLY_VIOLATED. */
async function makeAnswer(context: AttemptContext): Promise<Outcome> {
  const task = await prepareTask(context);
  try {
    if (task.sandbox) await letAgentAnswer(context, task, task.sandbox);
    if (hasCommit(context)) requireUnchanged(await recordedCommit(context));
    return { kind: "answer" };
  } catch (error) {
    // A review has no work to keep.
    if (!context.claim.job.taskSpec.review) await keepWork(context, task, context.signal.aborted ? context.signal.reason : error);
    throw error;
  }
}

/** The answer is an artifact before the attempt ends. Where no mount keeps the agent from changing something, the commit tells whether it has. */
async function letAgentAnswer(context: AttemptContext, task: Task, agentSandbox: Sandbox): Promise<void> {
  await using sandbox = agentSandbox;
  const { deadline, repository, setup } = task;
  await setUp(context, sandbox, setup, deadline);
  const reviewed = context.claim.job.taskSpec.review;
  if (reviewed) await review(context, task, sandbox, reviewed);
  else await answer(context, task, sandbox);
  // What only the store of jobs has is no base that a commit could be held against; nothing of a review lands in any case.
  if (context.provider.kind === "none" && reviewed?.from !== "jobs") await endAndCommit(context, sandbox, repository, deadline);
}

async function answer(context: AttemptContext, { config, deadline, prompts }: Task, sandbox: Sandbox): Promise<void> {
  const { text: asked, used } = prompts.fill("answer");
  const given = {
    prompt: withImageNames(asked, imagesOfTurn(context, sandbox)),
    templates: [used],
    nudge: (silence: string) => prompts.fill("nudge", { silence }),
    egress: config.egress.turn,
    mcpServers: serversOf(context, config),
  };
  const text = await runTurn(context, sandbox, { turn: 1, reason: "task", take: 0, ...given }, deadline);
  await context.journal.step("answer", async () => {
    await storeArtifact(context, ANSWER_ARTIFACT, Buffer.from(context.masks.text(text)));
    return null;
  });
}

function requireUnchanged(commit: TakenCommit): void {
  if (commit.empty) return;
  const paths = commit.changes.map(({ path }) => path);
  const named = paths.slice(0, 10).join(", ").slice(0, 2_000);
  throw new SlipwayError("READ_ONLY_VIOLATED", `The agent of a read-only job changed the workspace: ${named}.`, { paths: paths.slice(0, 100) });
}
