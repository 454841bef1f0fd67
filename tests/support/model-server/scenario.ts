import { z } from "zod";
import type { ModelRequest } from "./protocol.ts";

/** What the scripted model answers. A scenario is data, by name or as a YAML file, or a function in a test. */

const tokens = z.int().nonnegative();

const usageFiguresSchema = z.strictObject({
  inputTokens: tokens.default(1_000).describe("All input, cached input included."),
  cachedInputTokens: tokens.default(200),
  outputTokens: tokens.default(50).describe("All output, reasoning included."),
  reasoningTokens: tokens.default(10),
  cacheWriteTokens: tokens.default(0).describe("Input written to the cache, where the vendor tells it."),
});
export type UsageFigures = z.output<typeof usageFiguresSchema>;

const errorSchema = z.strictObject({
  status: z.int().min(400).max(599).default(500),
  meaning: z.enum(["context", "quota"]).optional().describe("With the status and in the words that each vendor has for it."),
  message: z.string().optional().describe("In the vendor's words where it is missing."),
  code: z.string().optional(),
  type: z.string().optional(),
  retryAfterSeconds: z.number().nonnegative().optional(),
  inStream: z.boolean().default(false).describe("The answer begins well, and the error comes inside the stream."),
});
export type ScriptedError = z.output<typeof errorSchema>;

export const answerSchema = z.strictObject({
  reasoning: z.string().optional().describe("A reasoning item before the text."),
  text: z.string().optional(),
  shell: z
    .union([z.string(), z.array(z.string()).min(1)])
    .optional()
    .describe("Command for the client's own shell tool; several are parallel calls."),
  calls: z
    .array(z.strictObject({ tool: z.string().min(1), input: z.record(z.string(), z.unknown()) }))
    .optional()
    .describe("Calls of other tools of the client, by name."),
  flood: z
    .strictObject({ bytes: z.int().positive().max(1_000_000_000), deltas: z.int().positive().max(1_000_000).default(1) })
    .optional()
    .describe("Text of this many bytes, sent in this many pieces."),
  usage: usageFiguresSchema.nullable().default(usageFiguresSchema.parse({})).describe("null: the vendor tells none."),
  headersDelayMs: z.int().nonnegative().default(0).describe("How long the answer's headers are kept back, in ms."),
  stop: z
    .enum(["silent-before-headers", "silent-in-stream", "cut"])
    .optional()
    .describe("Never answers; falls silent inside the stream; breaks the connection inside the stream."),
  stopAfterFrames: z.int().nonnegative().default(4).describe("Where in the stream it stops."),
  error: errorSchema.optional().describe("In place of an answer."),
});
export type Answer = z.output<typeof answerSchema>;
export type AnswerInput = z.input<typeof answerSchema>;

const turnSchema = z.strictObject({
  prompt: z.string().optional().describe("Only where the last text of the user contains this."),
  anywhere: z.string().optional().describe("Only where anything in the request contains this: instructions, AGENTS.md, history."),
  steps: z.array(answerSchema).min(1).describe("One for each request of the turn; the last one answers all further requests too."),
});

const scenarioSchema = z.strictObject({
  turns: z.array(turnSchema).min(1).describe("The first that fits the request answers it."),
});
export type ScenarioInput = z.input<typeof scenarioSchema>;

/** Answers a request; undefined where the scenario has nothing for it. */
export type Scenario = (request: ModelRequest) => AnswerInput | undefined;

/** A scenario that is data as the function that plays it. Throws a ZodError where the data is wrong. */
export function scenarioOf(data: ScenarioInput): Scenario {
  const { turns } = scenarioSchema.parse(data);
  return (request) => {
    const turn = turns.find(({ prompt = "", anywhere = "" }) => request.prompt.includes(prompt) && request.text.includes(anywhere));
    return turn?.steps[Math.min(request.step, turn.steps.length - 1)];
  };
}
