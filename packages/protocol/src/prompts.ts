import { z } from "zod";

/** What the prompts of a job's turns are made from: `{{name}}` stands for a value. */

/** Longest template, in UTF-16 units. */
export const PROMPT_TEMPLATE_LIMIT = 20_000;

/** A place of a template, such as `{{task}}`. */
export const PROMPT_PLACE = /\{\{\s*([A-Za-z0-9_.-]*)\s*\}\}/g;

/** A template in which `{{name}}` stands at least once, and no other place in double braces. */
function templateSchema(name: string, description: string) {
  return z
    .string()
    .min(1)
    .max(PROMPT_TEMPLATE_LIMIT)
    .superRefine((text, context) => {
      const places = Array.from(text.matchAll(PROMPT_PLACE), (match) => match[1] ?? "");
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

/** The template that a prompt was made from, so that a result can be traced to it. */
export const promptUsedSchema = z.object({
  /** Such as `fix-task`. */
  name: z.string().max(100),
  /** As the template itself says; null where it says none. */
  version: z.int().positive().nullable(),
  /** SHA-256 of the template's file or text. */
  digest: z.string().max(64),
  /** `slipway`, or the file of the repository that it is from. */
  from: z.string().max(300),
});
export type PromptUsed = z.infer<typeof promptUsedSchema>;
