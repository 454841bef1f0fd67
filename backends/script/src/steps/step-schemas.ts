import { ERROR_CODES } from "@slipway/protocol/errors";
import { usageSchema } from "@slipway/protocol/events";
import { z } from "zod";

/** The steps of a script, by name, with what each takes. `docs/backends.md` describes them for people. */

const pathText = z
  .string()
  .min(1)
  .max(4_096)
  .refine((path) => !path.includes("\0"), "expected a path without a zero byte");

/** A path that a step works on. Confined to the workspace, or to the job's home where it starts with `~/`; `outside` lets a test try an escape. */
const place = { path: pathText, outside: z.boolean().default(false).describe("Lets the path leave the workspace, for tests of the sandbox.") };

interface Place {
  readonly path: string;
  readonly outside: boolean;
}

/** What can be seen of an escape before the turn runs is refused with the configuration; links are looked at when the step runs. */
function confined<T extends z.ZodType<Place>>(schema: T): T {
  return schema.refine((value) => value.outside || !leaves(value.path), {
    path: ["path"],
    message: "expected a path inside the workspace (or ~/ for the home); `outside: true` lifts this",
  });
}

function leaves(path: string): boolean {
  const inside = path.startsWith("~/") ? path.slice(2) : path;
  if (inside.startsWith("/")) return true;
  let depth = 0;
  for (const part of inside.split("/")) {
    if (part === "..") depth -= 1;
    else if (part !== "" && part !== ".") depth += 1;
    if (depth < 0) return true;
  }
  return false;
}

/** A plain text stands for the object with that one key. */
function shorthand<T extends z.ZodType>(key: string, schema: T) {
  const { $schema: _, ...full } = z.toJSONSchema(schema, { io: "input" });
  return z
    .unknown()
    .meta({ anyOf: [{ type: "string" }, full] })
    .transform((value) => (typeof value === "string" ? { [key]: value } : value))
    .pipe(schema as z.ZodType<z.output<T>>);
}

const encoding = z.enum(["utf8", "base64"]).default("utf8");
/** Digits as chmod takes them: 755, "0644". */
const mode = z.union([z.string(), z.int()]).refine((value) => /^0?[0-7]{3}$/.test(String(value)), "expected a mode such as 755");
const milliseconds = z.int().nonnegative().max(86_400_000);
const command = z.string().min(1).max(100_000);

export const STEP_SCHEMAS = {
  write: confined(z.strictObject({ ...place, content: z.string(), encoding, mode: mode.optional() })),
  append: confined(z.strictObject({ ...place, content: z.string(), encoding })),
  delete: shorthand("path", confined(z.strictObject(place))),
  patch: shorthand("diff", z.strictObject({ diff: z.string().min(1), fuzz: z.int().min(0).max(10).default(0) })),
  readPrompt: shorthand("path", confined(z.strictObject(place))),
  shell: shorthand("command", z.strictObject({ command, expectExit: z.union([z.int().min(0).max(255), z.literal("any")]).default(0) })),
  daemon: shorthand("command", z.strictObject({ command })),
  sleep: milliseconds,
  hang: z.union([
    z.literal(true),
    z.strictObject({
      heartbeatMs: z
        .int()
        .min(10)
        .max(60_000)
        .optional()
        .describe("Say something this often, so that the turn runs into its timeout and not into the stall limit."),
      ignoreAbort: z.boolean().default(false).describe("Do not end when the turn is cancelled, for tests of what happens then."),
    }),
  ]),
  silent: z.boolean(),
  print: shorthand("text", z.strictObject({ text: z.string(), role: z.enum(["agent", "reasoning", "user"]).default("agent") })),
  log: z.strictObject({ stream: z.string().min(1).max(100).default("stdout"), text: z.string(), encoding }),
  images: z.literal(true).describe("Tells of each image of the job: its name, type, size and digest."),
  plan: z.array(z.strictObject({ text: z.string(), status: z.enum(["open", "active", "done"]).default("open") })).max(200),
  usage: z.strictObject(usageSchema.shape),
  flood: z.strictObject({
    lines: z.int().min(1).max(100_000_000),
    lineBytes: z.int().min(16).max(65_536).default(80),
    linesPerSecond: z.int().min(1).max(10_000_000).optional().describe("As fast as it goes where it is missing."),
    stream: z.string().min(1).max(100).default("stdout"),
  }),
  waitFor: shorthand("path", confined(z.strictObject({ ...place, timeoutMs: milliseconds.optional() }))),
  waitForMessage: z.union([z.literal(true), z.strictObject({ timeoutMs: milliseconds })]),
  signalFile: shorthand("path", confined(z.strictObject(place))),
  fail: z.strictObject({ code: z.enum(ERROR_CODES), message: z.string().max(20_000).optional(), details: z.record(z.string(), z.unknown()).default({}) }),
} as const satisfies Record<string, z.ZodType>;

export type StepName = keyof typeof STEP_SCHEMAS;
export type StepInput<N extends StepName> = z.output<(typeof STEP_SCHEMAS)[N]>;
export type Step = { [N in StepName]: { readonly name: N; readonly input: StepInput<N> } }[StepName];
