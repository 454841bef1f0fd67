import { nearestKey } from "@slipway/protocol/nearest-key";
import { TASK_KIND_NAMES, type TaskKind } from "@slipway/protocol/task-kinds";

/** Which prompts there are: a template for each kind of a job and each phase of its conversation. */

/** What a turn is for, with when it is asked. */
export const PROMPT_PHASES = {
  task: "the first turn",
  answer: "the first turn of a read-only job",
  repair: "a turn after gates or checks said no; of a review, after a verdict that cannot be read",
  revision: "a turn after somebody said no who had read the change: a critic, or the landing",
  handover: "the first turn of a job that another backend began: around its task",
  nudge: "a turn after one that stalled",
} as const;
/** A phase of a job's conversation. */
export type PromptPhase = keyof typeof PROMPT_PHASES;
/** Their names, in the order of the table. */
export const PROMPT_PHASE_NAMES = Object.keys(PROMPT_PHASES) as [PromptPhase, ...PromptPhase[]];

/** What a place stands for. */
export const PROMPT_VARIABLES = {
  task: "the job's task, word for word",
  testPaths: "`checks.testPaths` of the repository, a line each",
  failure: "the failing test and the log that the job was given",
  document: "path of the document that is to be written",
  headings: "the headings that the template asks for, a line each",
  reviewed: "what is reviewed, such as a job's number or two commits",
  diff: "the change that is reviewed, as a patch; a long one is cut",
  form: "the form of a verdict, as JSON",
  objection: "who said no, and why: what a critic found, or a conflict with what landed meanwhile, or the gates that are red with it",
  failures: "what gates and checks said, or what is wrong with a verdict",
  handover: "what the backend before did, and why it stopped",
  silence: "how long the agent had said nothing, such as 5 minutes",
} as const;
export type PromptVariable = keyof typeof PROMPT_VARIABLES;

/** The variables of a template: those that it must have somewhere, and those that it may have. */
export interface TemplateShape {
  readonly required: readonly PromptVariable[];
  readonly optional: readonly PromptVariable[];
  /** Whether its front matter may name headings. */
  readonly hasHeadings: boolean;
}

const shape = (required: readonly PromptVariable[], optional: readonly PromptVariable[] = [], hasHeadings = false): TemplateShape => ({
  required,
  optional,
  hasHeadings,
});

const TASK_SHAPES: Readonly<Record<TaskKind, TemplateShape>> = {
  develop: shape(["task"]),
  test: shape(["task"], ["testPaths"]),
  fix: shape(["task", "failure"]),
  research: shape(["task", "document"], ["headings"], true),
  plan: shape(["task", "document"], ["headings"], true),
  review: shape(["diff"], ["task", "reviewed", "form"]),
};

/** The phases of a kind: a review changes nothing, and no other kind but `develop` has read-only jobs. */
export function phasesOf(kind: TaskKind): PromptPhase[] {
  return PROMPT_PHASE_NAMES.filter((phase) => {
    if (phase === "answer") return kind === "develop";
    return !((phase === "handover" || phase === "revision") && kind === "review");
  });
}

/** What a template of this kind and phase may and must have. */
export function shapeOf(kind: TaskKind, phase: PromptPhase): TemplateShape {
  switch (phase) {
    case "task":
      return TASK_SHAPES[kind];
    case "answer":
      return shape(["task"]);
    case "repair":
      return kind === "review" ? shape(["failures"], ["form"]) : shape(["failures"]);
    case "revision":
      return shape(["objection"], ["task"]);
    case "handover":
      return shape(["task", "handover"]);
    case "nudge":
      return shape([], ["silence"]);
  }
}

/** Kind and phase that a template's name stands for; `any` stands for each kind that has no template of its own. Undefined for other names. */
export function readTemplateName(name: string): { readonly kind: TaskKind | "any"; readonly phase: PromptPhase } | undefined {
  const [kind = "", phase = ""] = name.split("-");
  return TEMPLATE_NAMES.includes(name) ? { kind: kind as TaskKind | "any", phase: phase as PromptPhase } : undefined;
}

/** Every name that a template may have. */
export const TEMPLATE_NAMES: readonly string[] = [
  ...TASK_KIND_NAMES.flatMap((kind) => phasesOf(kind).map((phase) => `${kind}-${phase}`)),
  ...["any-repair", "any-revision", "any-handover", "any-nudge"],
];

/** The template name that a mistyped one was most likely meant to be. */
export function nearestTemplateName(name: string): string | undefined {
  return nearestKey(name, TEMPLATE_NAMES);
}
