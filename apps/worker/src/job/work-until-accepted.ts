import type { TakenCommit } from "@slipway/git/commit";
import type { FilledPrompt } from "@slipway/prompts/prompt-book";
import type { SlipwayError } from "@slipway/protocol/errors";
import type { AttemptContext } from "../attempt/context.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { type Change, checksFailed, type Judgement, judgeChange } from "./checks.ts";
import { endAndCommit, hasCommit, recordedCommit } from "./commit.ts";
import { bringContinuedWork } from "./continued-work.ts";
import { CRITIC, criticRejected } from "./critic-rejected.ts";
import { refusalsText } from "./failures-text.ts";
import { takeOver } from "./handover.ts";
import { imagesOfTurn, withImageNames } from "./job-images.ts";
import { takeUpRevision } from "./revise.ts";
import { setUp } from "./setup.ts";
import type { Task } from "./task.ts";
import { triedText, workUntilGatesPass } from "./work-until-gates-pass.ts";

/** What checks and critics refuse goes back to the agent, as what the gates refuse does. CHECKS_FAILED, SCOPE_VIOLATION, CRITIC_REJECTED, CRITIC_UNAVAILABLE. */
export async function workUntilAccepted(context: AttemptContext, task: Task): Promise<Change> {
  let commit = task.sandbox ? await letAgentWork(context, task, task.sandbox) : await recordedAgain(context, task);
  for (;;) {
    const judgement = await withCritics(context, task, await judgeChange(context, commit, task));
    if (judgement.refusals.length === 0) return judgement.change;
    task.refused[task.take] = judgement;
    const prompt = nextTurnOn(context, judgement, task);
    const reason = isCritics(judgement) ? "revision" : "repair";
    task.take += 1;
    commit = hasCommit(context, task.take) ? await recordedAgain(context, task) : await mendChange(context, task, { prompt, reason });
  }
}

/** Critics read what the checks let through. Their code is loaded where there are any. */
async function withCritics(context: AttemptContext, task: Task, judgement: Judgement): Promise<Judgement> {
  const { critic } = task.config;
  if (!critic || judgement.refusals.length > 0) return judgement;
  const { hearCritics } = await import("./critics.ts");
  return await hearCritics(context, task, judgement, critic);
}

function isCritics({ refusals }: Judgement): boolean {
  return refusals[0]?.check === CRITIC;
}

/** The prompt of a turn that mends what was refused; throws where there is none. */
function nextTurnOn(context: AttemptContext, judgement: Judgement, task: Task): FilledPrompt {
  const { config, deadline, progress } = task;
  const failed = (why: string): SlipwayError => (isCritics(judgement) ? criticRejected(context, judgement, why) : checksFailed(judgement, config.scope, why));
  if (task.refused[task.take - 1]?.change.tree === judgement.change.tree) throw failed("the repair changed nothing");
  if (progress.round >= config.repairs) throw failed(triedText(config.repairs));
  const text = refusalsText(judgement.refusals);
  if (progress.failure === text) throw failed("the repair left the very same findings");
  if (!deadline.hasTimeForTurn()) throw failed("there is no time left for a repair");
  task.progress = { ...progress, failure: text };
  return isCritics(judgement) ? task.prompts.fill("revision", { objection: text }) : task.prompts.fill("repair", { failures: text });
}

/** A further turn over the same workspace and home, in a sandbox of its own: that of the turns before ended with their commit. */
async function mendChange(
  context: AttemptContext,
  task: Task,
  { prompt: { text, used }, reason }: { prompt: FilledPrompt; reason: "repair" | "revision" },
): Promise<TakenCommit> {
  const sandbox = await context.agentSandbox([...context.toolchains, ...task.repository.upstreamObjects]);
  task.sandbox = sandbox;
  await using _ = sandbox;
  await workUntilGatesPass(context, sandbox, task, { turn: task.progress.round + 2, reason, prompt: text, templates: [used] });
  return await commitTake(context, sandbox, task);
}

async function commitTake(context: AttemptContext, sandbox: Sandbox, task: Task): Promise<TakenCommit> {
  // Before the commit: a restarted worker goes on behind it, and has to know how many turns there were.
  await context.journal.step(`progress-${task.take}`, async () => task.progress);
  return await endAndCommit(context, sandbox, task.repository, task.deadline, task.take);
}

async function recordedAgain(context: AttemptContext, task: Task): Promise<TakenCommit> {
  task.progress = await context.journal.step(`progress-${task.take}`, async () => task.progress);
  return await recordedCommit(context, task.take);
}

/** All that happens while the agent's sandbox is there. It is ended before the commit is made, and whatever happens. */
async function letAgentWork(context: AttemptContext, task: Task, agentSandbox: Sandbox): Promise<TakenCommit> {
  await using sandbox = agentSandbox;
  await setUp(context, sandbox, task.setup, task.deadline);
  await bringContinuedWork(context, sandbox, task.repository, task.deadline);
  const objection = await takeUpRevision(context, sandbox, task.repository, task.deadline);
  const asked = objection === undefined ? task.prompts.fill("task") : task.prompts.fill("revision", { objection });
  const withImages = withImageNames(asked.text, imagesOfTurn(context, sandbox));
  const before = await takeOver(context, sandbox, task.repository, task.deadline);
  const taken = before === undefined ? undefined : task.prompts.fill("handover", { task: withImages, handover: before });
  const templates = [asked.used, ...(taken ? [taken.used] : [])];
  const reason = objection === undefined ? "task" : "revision";
  await workUntilGatesPass(context, sandbox, task, { turn: 1, reason, prompt: taken?.text ?? withImages, templates });
  return await commitTake(context, sandbox, task);
}
