import { z } from "zod";
import { nameSchema } from "./scalars.ts";

/** The commands that must pass, and in what order they run. */

const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Set by Slipway for every command. */
const OWN_NAME = /^SLIPWAY_/;

/** A folder below the root of the repository. */
const folderSchema = z
  .string()
  .min(1)
  .max(500)
  .refine((path) => !/[\0\n]/.test(path) && path.split("/").every((name) => name !== "" && name !== "." && name !== ".."), {
    error: "expected a folder below the root of the repository, such as packages/api, without `./`, `..` or a slash at an end",
  });

/** A file below the root of the repository. */
const reportSchema = z
  .string()
  .min(1)
  .max(500)
  .refine((path) => !/[\0\n]/.test(path) && path.split("/").every((name) => name !== "" && name !== "." && name !== ".."), {
    error: "expected a file below the root of the repository, such as coverage/lcov.info, without `./`, `..` or a slash at an end",
  });

const envSchema = z
  .record(
    z.string().refine((name) => ENV_NAME.test(name) && !OWN_NAME.test(name), { error: "expected the name of a variable, and none that begins with SLIPWAY_" }),
    z
      .string()
      .max(10_000)
      .refine((value) => !value.includes("\0"), { error: "expected a text without a zero byte" }),
  )
  .optional();

/** A command that must pass. Quick and advisory in the agent's workspace, binding on the merged tree. */
export const gateSchema = z.strictObject({
  name: nameSchema.describe("Name of the gate, as shown in the history."),
  run: z.string().min(1).describe("Shell command, run with `sh -c` in the root of the workspace; exit code 0 passes."),
  timeoutSeconds: z.number().positive().max(86_400).default(300).describe("The gate fails after this many seconds."),
  cwd: folderSchema.optional().describe("Folder that it runs in, from the root of the repository; the root where it is missing."),
  env: envSchema.describe("Variables of its command, by name. They are no secrets: they stand in this file."),
  needs: z.array(nameSchema).max(50).optional().describe("Gates that come before it. While one of them is red in the agent's workspace, this one is not run."),
  parallel: z.boolean().optional().describe("Whether it may run beside other gates that say the same; without it, it runs alone."),
  coverage: reportSchema
    .optional()
    .describe("Report of its coverage, from the root of the workspace: an lcov or Cobertura file that it writes ([checks.md](checks.md#coverage))."),
  retries: z
    .int()
    .min(0)
    .max(5)
    .optional()
    .describe("How often it is run again where it fails, 0 where it is missing. One that passes then is told as flaky. Better mend it."),
});
/** One gate of a repository. */
export type Gate = z.infer<typeof gateSchema>;

/** `gates` of a repository: names differ, and what a gate needs is there and does not need it. */
export const gatesSchema = z
  .array(gateSchema)
  .refine((gates) => new Set(gates.map((gate) => gate.name)).size === gates.length, "gate names must differ")
  .superRefine((gates, context) => {
    const names = new Set(gates.map(({ name }) => name));
    for (const [index, { name, needs = [] }] of gates.entries()) {
      const unknown = needs.findIndex((need) => !names.has(need));
      if (unknown >= 0)
        context.addIssue({ code: "custom", path: [index, "needs", unknown], message: `expected the name of another gate: ${[...names].join(", ")}` });
      else if (reaches(gates, name))
        context.addIssue({ code: "custom", path: [index, "needs"], message: `expected gates that do not need ${name} themselves` });
    }
  });

function reaches(gates: readonly Gate[], name: string): boolean {
  const open = [...(gates.find((gate) => gate.name === name)?.needs ?? [])];
  const seen = new Set<string>();
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next === name) return true;
    if (seen.has(next)) continue;
    seen.add(next);
    open.push(...(gates.find((gate) => gate.name === next)?.needs ?? []));
  }
  return false;
}

/** What is run for a gate, whole: its folder and variables are a part of the command, and so of its receipt. */
export function gateCommand({ run, cwd, env = {} }: Gate): string {
  const exports = Object.entries(env).map(([name, value]) => `export ${name}=${quoted(value)}\n`);
  return `${cwd === undefined ? "" : `cd ${quoted(cwd)} || exit\n`}${exports.join("")}${run}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
