import { patchArguments } from "@slipway/git/diff";
import { JobPrompts } from "@slipway/prompts/job-prompts";
import { PROMPT_VARIABLES, type PromptPhase, type PromptVariable } from "@slipway/prompts/phases";
import { reviewValues } from "@slipway/prompts/review-values";
import { SlipwayError } from "@slipway/protocol/errors";
import { isDocumentKind, type TaskSpec } from "@slipway/protocol/task-kinds";
import { documentPathOf, titleOf } from "@slipway/protocol/title-words";
import { readGit } from "../checkout/read-git.ts";
import { draftKind, type KindDraft, type KindOptions } from "../commands/kind-options.ts";
import { readTask, taskSource } from "../task/read-task.ts";
import type { Screen } from "../terminal/screen.ts";
import { printable } from "../terminal/text.ts";
import { promptsHere, type RepositoryHere } from "./repository-prompts.ts";

interface PreviewOptions extends KindOptions {
  readonly phase: PromptPhase;
  readonly base?: string;
  readonly taskFile?: string;
  readonly criterion?: string[];
  readonly json?: boolean;
}

/** Prints what the agent of such a job would be asked. INVALID_REQUEST, INVALID_CONFIG. */
export async function previewPrompt(screen: Screen, argument: string | undefined, options: PreviewOptions): Promise<void> {
  const source = taskSource(argument, options);
  if (options.of !== undefined) {
    const hint = "Show the range in its place: `slipway diff JOB` prints the change, `slipway fetch JOB` brings it here as a branch for --diff.";
    throw new SlipwayError("INVALID_REQUEST", "--of: expected --diff BASE..HEAD in a preview.", { field: "--of", value: options.of, expected: "--diff", hint });
  }
  const here = await promptsHere(options.base);
  const draft = await draftKind(here.checkout.root, options);
  using task = await readTask(source);
  // What is reviewed has no say in how.
  const { book, config } = draft.range ? await promptsHere(draft.range.baseOid) : here;
  const job = { task: task.text, taskKind: draft.kind, taskSpec: specOf(draft, task.text, here), criteria: options.criterion ?? [] };
  const values = { ...unknownYet(options.phase), ...(await ofReview(draft, here)) };
  const { text, used } = new JobPrompts(book, job, config).fill(options.phase, values);
  screen.document({ kind: draft.kind, phase: options.phase, template: used, prompt: text });
  if (!screen.json) process.stdout.write(`${process.stdout.isTTY ? text.split("\n").map(printable).join("\n") : text}\n`);
}

/** The server gives a document another name where there is one already: that is told by the job. */
function specOf({ kind, spec }: KindDraft, task: string, { config }: RepositoryHere): TaskSpec {
  if (!isDocumentKind(kind)) return spec;
  return { ...spec, document: spec.document ?? documentPathOf(config.documents[kind], titleOf(task)) };
}

/** What only a job at work knows. */
function unknownYet(phase: PromptPhase): Partial<Record<PromptVariable, string>> {
  const names: readonly PromptVariable[] = phase === "task" || phase === "answer" ? [] : ["failures", "objection", "handover", "silence"];
  return Object.fromEntries(names.map((name) => [name, `‹${name}: ${PROMPT_VARIABLES[name]}›`]));
}

async function ofReview({ range }: KindDraft, { checkout }: RepositoryHere): Promise<Partial<Record<PromptVariable, string>>> {
  if (!range) return {};
  const patch = await readGit(patchArguments(range.baseOid, range.headOid), checkout.root);
  return reviewValues({ ...range, job: null }, patch);
}
