import { LineCounter, parse, YAMLParseError } from "yaml";
import { z } from "zod";
import { STEP_SCHEMAS, type Step, type StepName } from "./steps/step-schemas.ts";

/** A script as the backend runs it. */
export interface Script {
  /** Turn 1 runs the first entry, turn 2 the second … */
  readonly turns: readonly Step[][];
  /** For every turn after the last entry; the last entry itself where it is missing. */
  readonly default: readonly Step[] | undefined;
}

/** The steps of turn `turn`, counted from 1. */
export function stepsOfTurn(script: Script, turn: number): readonly Step[] {
  return script.turns[turn - 1] ?? script.default ?? script.turns.at(-1) ?? [];
}

const STEP_NAMES = Object.keys(STEP_SCHEMAS) as StepName[];

/** JSON Schema of one step: an object with one key, the step's name. */
const stepJsonSchema = {
  anyOf: STEP_NAMES.map((name) => ({
    type: "object",
    required: [name],
    additionalProperties: false,
    properties: { [name]: jsonSchemaOf(STEP_SCHEMAS[name]) },
  })),
};

/** One step; a problem in it is told under its own path, so that the message names the step's index and the field. */
const stepSchema = z
  .unknown()
  .meta(stepJsonSchema)
  .transform((value, context): Step => {
    const fail = (path: PropertyKey[], message: string): void => context.addIssue({ code: "custom", path, message });
    const known = `expected one of ${STEP_NAMES.join(", ")}`;
    const keys = typeof value === "object" && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
    const [name, second] = keys;
    if (name === undefined) fail([], `a step is a mapping with one key: ${known}`);
    else if (!isStepName(name)) fail([name], `no such step; ${known}`);
    else if (second !== undefined) fail([second], secondKey(name, second));
    else {
      const parsed = STEP_SCHEMAS[name].safeParse((value as Record<string, unknown>)[name]);
      if (parsed.success) return { name, input: parsed.data } as Step;
      for (const issue of parsed.error.issues) {
        if (issue.code === "unrecognized_keys") for (const key of issue.keys) fail([name, ...issue.path, key], "no such setting");
        else fail([name, ...issue.path], issue.message);
      }
    }
    return z.NEVER;
  });

function secondKey(name: string, second: string): string {
  if (isStepName(second)) return `a step has one key, and this one already has ${name}; start a new list entry for ${second}`;
  return `a step has one key; a setting of ${name} goes inside it, as in \`${name}: { …, ${second}: … }\``;
}

const stepsSchema = z.array(stepSchema).max(10_000);
/** A turn is a list of steps, or the same under `steps:`, which reads better in YAML. */
const turnSchema = z
  .unknown()
  .meta({
    anyOf: [jsonSchemaOf(stepsSchema), { type: "object", required: ["steps"], additionalProperties: false, properties: { steps: jsonSchemaOf(stepsSchema) } }],
  })
  .transform((value, context): Step[] => {
    const wrapped = z.strictObject({ steps: stepsSchema });
    const parsed = Array.isArray(value) ? stepsSchema.safeParse(value) : wrapped.safeParse(value);
    if (parsed.success) return Array.isArray(parsed.data) ? parsed.data : parsed.data.steps;
    for (const issue of parsed.error.issues) {
      if (issue.code === "unrecognized_keys") for (const key of issue.keys) context.addIssue({ code: "custom", path: [key], message: "no such setting" });
      else context.addIssue({ code: "custom", path: issue.path, message: issue.message });
    }
    return z.NEVER;
  });

const scriptBodySchema = z.strictObject({ turns: z.array(turnSchema).min(1).max(1_000), default: turnSchema.optional() });

/** A script as people give it: YAML text, or the same already parsed. */
export const scriptSchema = z
  .unknown()
  .meta({ anyOf: [{ type: "string", description: "The script as YAML." }, jsonSchemaOf(scriptBodySchema)] })
  .transform((value, context) => {
    if (typeof value !== "string") return value;
    const lineCounter = new LineCounter();
    try {
      return parse(value, { maxAliasCount: 100, prettyErrors: false, lineCounter }) as unknown;
    } catch (error) {
      const { line, col } = error instanceof YAMLParseError ? lineCounter.linePos(error.pos[0]) : { line: 1, col: 1 };
      context.addIssue({ code: "custom", message: `line ${line}, column ${col}: expected YAML: ${error instanceof Error ? error.message : String(error)}` });
      return z.NEVER;
    }
  })
  .pipe(scriptBodySchema)
  .transform((body): Script => ({ turns: body.turns, default: body.default }));

function isStepName(name: string): name is StepName {
  return Object.hasOwn(STEP_SCHEMAS, name);
}

function jsonSchemaOf(schema: z.ZodType): Record<string, unknown> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: "input" });
  return rest;
}
