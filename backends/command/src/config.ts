import { ERRORS, type ErrorCode } from "@slipway/protocol/errors";
import { nameSchema } from "@slipway/protocol/scalars";
import { z } from "zod";
import { eventRuleSchema } from "./event-rules.ts";
import { argumentSchema, commandArgumentSchema, envValueSchema, IMAGES_HOLE, imageArgumentSchema, namesIn } from "./template.ts";

const MEBIBYTE = 1_048_576;

/** What an agent's own words may stand for: failures of an agent or its model, and none that only a worker or the server can know. */
const CODES = (Object.keys(ERRORS) as ErrorCode[]).filter((code) =>
  /^(BACKEND_(AUTH|QUOTA|RATE_LIMITED|OUTPUT_INVALID|FAILED)|MODEL_\w+|CONTEXT_TOO_LONG)$/.test(code),
);

const patternSchema = z
  .string()
  .min(1)
  .max(1_000)
  .superRefine((text, context) => {
    try {
      new RegExp(text, "im");
    } catch (error) {
      context.addIssue({ code: "custom", message: `expected a regular expression: ${(error as Error).message}` });
    }
  });

const outputSchema = z.discriminatedUnion("format", [
  z.strictObject({ format: z.literal("plain").describe("All that it prints is its answer.") }),
  z.strictObject({ format: z.literal("none").describe("What it prints goes to the log alone.") }),
  z.strictObject({
    format: z.literal("json-lines").describe("A JSON value a line, which `events` gives a meaning to; other lines go to the log."),
    events: z.array(eventRuleSchema).min(1).max(100),
  }),
]);

const agentObject = z.strictObject({
  command: z.array(commandArgumentSchema).min(1).max(500).describe("The program and its arguments, with holes such as {prompt}. No shell reads them."),
  prompt: z
    .enum(["stdin", "argument", "file"])
    .default("stdin")
    .describe("How the prompt is passed: on standard input, as {prompt}, or in a file that {promptFile} names."),
  env: z
    .record(z.string().regex(/^[A-Za-z_]\w*$/, "expected a variable's name"), envValueSchema)
    .default({})
    .describe("Further variables of its environment, with the holes of `command` and {token}."),
  provider: nameSchema.default("openai").describe("Provider of the gateway that {baseUrl} leads to."),
  output: outputSchema.default({ format: "plain" }).describe("How what it prints is read."),
  resume: z
    .strictObject({ arguments: z.array(argumentSchema).min(1).max(100).describe("Added behind the others in further turns, where there is a session.") })
    .optional()
    .describe("How a further turn goes on with the session; every turn is a conversation of its own where it is missing."),
  images: z
    .strictObject({ arguments: z.array(imageArgumentSchema).min(1).max(100).describe("For each image, with the hole {imageFile}, its path.") })
    .optional()
    .describe(`How a job's images are passed: in place of ${IMAGES_HOLE} in \`command\`, else behind it. Without it, a job with images is refused.`),
  success: z
    .strictObject({
      exitCodes: z.array(z.int().min(0).max(255)).min(1).default([0]).describe("Exit codes that are no failure."),
      output: patternSchema.optional().describe("A regular expression that the last 64 KiB of its standard output must fit, without regard to case."),
    })
    .default({ exitCodes: [0] })
    .describe("What must hold beside: a `final` event where `events` knows one, and no `error` event."),
  failures: z
    .array(z.strictObject({ words: patternSchema, code: z.enum(CODES as [ErrorCode, ...ErrorCode[]]) }))
    .max(100)
    .default([])
    .describe("The codes that a failure's words stand for, the more telling ones first; BACKEND_FAILED where none fits."),
  limits: z
    .strictObject({
      lineBytes: z
        .int()
        .min(1_024)
        .max(64 * MEBIBYTE)
        .default(4 * MEBIBYTE)
        .describe("A longer line is left out, and told of."),
      outputBytes: z
        .int()
        .min(1_024)
        .max(1_024 * MEBIBYTE)
        .default(256 * MEBIBYTE)
        .describe("An agent that prints more is ended."),
      timeoutSeconds: z.number().positive().max(86_400).optional().describe("For one turn; the job's own time where it is missing."),
    })
    .default({ lineBytes: 4 * MEBIBYTE, outputBytes: 256 * MEBIBYTE })
    .describe("What it may take."),
});

/** An agent by configuration. */
export const agentSchema = agentObject.superRefine((agent, context) => {
  const wrong = (path: PropertyKey[], message: string): void => context.addIssue({ code: "custom", path, message });
  const inArguments = new Set([...agent.command, ...(agent.resume?.arguments ?? [])].flatMap(namesIn));
  const holes = { stdin: undefined, argument: "prompt", file: "promptFile" } as const;
  for (const [way, hole] of Object.entries(holes)) {
    if (hole === undefined) continue;
    if (agent.prompt === way && !agent.command.flatMap(namesIn).includes(hole)) wrong(["command"], `expected {${hole}} in it, as \`prompt\` is ${way}`);
    if (agent.prompt !== way && inArguments.has(hole)) wrong(["prompt"], `expected ${way}, as {${hole}} is used`);
  }
  const inEnv = Object.entries(agent.env).find(([, value]) => namesIn(value).some((name) => name === "prompt" || name === "promptFile"));
  if (inEnv) wrong(["env", inEnv[0]], "the prompt does not go by the environment");
  if (agent.images && !agent.images.arguments.flatMap(namesIn).includes("imageFile")) wrong(["images", "arguments"], "expected {imageFile} in them");
  if (!agent.images && agent.command.includes(IMAGES_HOLE)) wrong(["images"], `expected \`images.arguments\`, as ${IMAGES_HOLE} is used`);
  const rules = agent.output.format === "json-lines" ? agent.output.events : [];
  const hasSession = rules.some(({ as }) => as === "session") || agent.command.flatMap(namesIn).includes("session");
  if (agent.resume && !hasSession)
    wrong(["resume"], "expected a rule for `session` in `output.events`, or {session} in `command`: there is no session to go on with");
});
export type Agent = z.output<typeof agentSchema>;

/** `backendConfig` of command. */
export const commandConfigSchema = z.strictObject({
  agent: agentSchema.describe("The program, how it is spoken to, and how it is judged."),
  model: z.string().min(1).max(200).optional().describe("Fills {model}."),
});
export type CommandConfig = z.output<typeof commandConfigSchema>;
