import { readPatch, readPaths } from "@slipway/git/diff";
import type { FilledPrompt } from "@slipway/prompts/prompt-book";
import { reviewValues } from "@slipway/prompts/review-values";
import { SlipwayError } from "@slipway/protocol/errors";
import { ANSWER_ARTIFACT } from "@slipway/protocol/job";
import type { Reviewed } from "@slipway/protocol/task-kinds";
import { VERDICT_ARTIFACT, type Verdict } from "@slipway/protocol/verdict";
import type { AttemptContext } from "../attempt/context.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { storeArtifact } from "./artifact.ts";
import { imagesOfTurn, withImageNames } from "./job-images.ts";
import { readVerdict } from "./read-verdict.ts";
import { serversOf, type Task } from "./task.ts";
import { runTurn } from "./turn.ts";

/** The review's turns: one, and a second where its verdict cannot be read. The verdict is an artifact then. VERDICT_INVALID, NO_CHANGE. */
export async function review(context: AttemptContext, task: Task, sandbox: Sandbox, reviewed: Reviewed): Promise<void> {
  const { prompts } = task;
  const patch = await readPatch(task.repository, { baseOid: reviewed.baseOid, oid: reviewed.headOid, signal: context.signal });
  if (patch === "") throw new SlipwayError("NO_CHANGE", "There is nothing to review: the two commits have the same files.", { ...reviewed });
  const values = reviewValues(reviewed, patch);
  const asked = prompts.fill("task", values);
  const isKnownPath = await knownPaths(context, task, reviewed);
  const first = readVerdict(await answer(context, task, sandbox, 1, asked), isKnownPath);
  if ("verdict" in first) return await keep(context, first.verdict);
  const again = prompts.fill("repair", { failures: first.problems.map((problem) => `- ${problem}`).join("\n"), form: values.form });
  if (!task.deadline.hasTimeForTurn()) throw invalid(first.problems, 1);
  const second = readVerdict(await answer(context, task, sandbox, 2, again), isKnownPath);
  if ("verdict" in second) return await keep(context, second.verdict);
  throw invalid(second.problems, 2);
}

async function answer(context: AttemptContext, task: Task, sandbox: Sandbox, turn: number, { text, used }: FilledPrompt): Promise<string> {
  const said = await runTurn(
    context,
    sandbox,
    {
      turn,
      reason: turn === 1 ? "task" : "repair",
      take: 0,
      prompt: turn === 1 ? withImageNames(text, imagesOfTurn(context, sandbox)) : text,
      templates: [used],
      nudge: (silence) => task.prompts.fill("nudge", { silence }),
      egress: task.config.egress.turn,
      mcpServers: serversOf(context, task.config),
    },
    task.deadline,
  );
  const masked = context.masks.text(said);
  await context.journal.step(`answer-${turn}`, async () => {
    await storeArtifact(context, ANSWER_ARTIFACT, Buffer.from(masked));
    return null;
  });
  return masked;
}

async function keep(context: AttemptContext, verdict: Verdict): Promise<void> {
  await context.journal.step("verdict", async () => {
    await storeArtifact(context, VERDICT_ARTIFACT, Buffer.from(`${JSON.stringify(verdict, null, 2)}\n`));
    return null;
  });
}

async function knownPaths({ signal }: AttemptContext, { repository }: Task, { baseOid, headOid }: Reviewed): Promise<(path: string) => boolean> {
  const [after, before] = [await readPaths(repository, { oid: headOid, signal }), await readPaths(repository, { oid: baseOid, signal })];
  const known = new Set([...after, ...before]);
  return (path) => known.has(path);
}

function invalid(problems: readonly string[], turns: number): SlipwayError {
  const asked = turns === 1 ? "there was no time to ask again" : "it was asked twice";
  return new SlipwayError("VERDICT_INVALID", `The reviewer gave no verdict that can be read, and ${asked}: ${problems[0] ?? ""}`.slice(0, 4_000), {
    problems: problems.slice(0, 20).map((problem) => ({ problem })),
    turns,
  });
}
