import { z } from "zod";

/** What the prompts of a job's turns are made from: `{{name}}` stands for a value. */

/** Longest template, in UTF-16 units. */
export const PROMPT_TEMPLATE_LIMIT = 20_000;

/** The prompts of turns where a repository says nothing else. */
export const DEFAULT_PROMPTS = {
  task: "{{task}}",
  readOnly: "{{task}}\n\nOnly look and answer: you may read everything in the workspace, and change nothing in it. What you say last is the answer.",
  repair:
    "Your change does not pass the checks of this repository yet. Mend it, so that they pass; do not weaken the checks themselves.\n\n{{failures}}\n\nRun what failed yourself before you finish, where you can.",
} as const;
/** Which prompt: that of the task, of a read-only job, or of a repair. */
export type PromptName = keyof typeof DEFAULT_PROMPTS;

const PLACE = /\{\{\s*([A-Za-z0-9_.-]*)\s*\}\}/g;

/** A template in which `{{name}}` stands at least once, and no other place in double braces. */
function templateSchema(name: string, description: string) {
  return z
    .string()
    .min(1)
    .max(PROMPT_TEMPLATE_LIMIT)
    .superRefine((text, context) => {
      const places = Array.from(text.matchAll(PLACE), (match) => match[1] ?? "");
      const unknown = places.find((place) => place !== name);
      if (unknown !== undefined) context.addIssue({ code: "custom", message: `expected no place but {{${name}}}, found {{${unknown}}}` });
      else if (places.length === 0)
        context.addIssue({ code: "custom", message: `expected a text with {{${name}}} in it: without it the agent would not hear of that` });
    })
    .optional()
    .describe(description);
}

/** `prompts` of a repository. */
export const promptsSchema = z.strictObject({
  task: templateSchema("task", "Prompt of the first turn; `{{task}}` is the job's task."),
  readOnly: templateSchema("task", "Prompt of a read-only job; `{{task}}` is its task."),
  repair: templateSchema("failures", "Prompt of a turn after gates that were red; `{{failures}}` tells which, how, and what they said."),
});
export type Prompts = z.infer<typeof promptsSchema>;

/** A prompt, from the repository's template or the default. A value is put in as it stands: what looks like a place in it is none. */
export function fillPrompt(prompts: Prompts, name: PromptName, value: string): string {
  return (prompts[name] ?? DEFAULT_PROMPTS[name]).replace(PLACE, () => value);
}
