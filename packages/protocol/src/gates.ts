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

/** A path below the root of the repository, or a glob of such paths. */
const globSchema = z
  .string()
  .min(1)
  .max(500)
  .refine((glob) => !/^[!/]|[\0\n]/.test(glob) && !glob.split("/").includes(".."), {
    error: "expected a path or a glob from the root of the repository, such as `packages/api/**`, without `..`, and with no `/` or `!` at its beginning",
  });

/** The usual order of gates: those of a stage come after all of the nearest stage before it. */
export const GATE_STAGES = ["lint", "test", "build"] as const;

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
  stage: z
    .enum(GATE_STAGES)
    .optional()
    .describe(
      "Its place in the usual order: without `needs` of its own, a gate needs all gates of the nearest stage before it, `lint` before `test` before `build`.",
    ),
  paths: z
    .array(globSchema)
    .min(1)
    .max(100)
    .optional()
    .describe("Globs of the paths that concern it. A change of none of them needs no run of it; a change of `.slipway.yaml` concerns every gate."),
  ignore: z.array(globSchema).min(1).max(100).optional().describe("Globs of paths that do not concern it, such as `docs/**`; they win over `paths`."),
  parallel: z.boolean().optional().describe("Whether it may run beside other gates that say the same; without it, it runs alone."),
  report: reportSchema
    .optional()
    .describe(
      "JUnit XML file that it writes, from the root of the workspace: what failed is read there, and not in its output ([gates.md](guides/gates.md#what-failed)).",
    ),
  coverage: reportSchema
    .optional()
    .describe("Report of its coverage, from the root of the workspace: an lcov or Cobertura file that it writes ([checks.md](checks.md#coverage))."),
  retries: z
    .int()
    .min(0)
    .max(5)
    .optional()
    .describe(
      "How often it is run again where it fails, 0 where it is missing. One that passes then is told as flaky ([gates](guides/gates.md#flakes)). Better mend it.",
    ),
});
/** One gate of a repository. */
export type Gate = z.infer<typeof gateSchema>;

/** `gates` of a repository: names differ, and what a gate needs is there and does not need it. */
export const gatesSchema = z
  .array(gateSchema)
  .refine((gates) => new Set(gates.map((gate) => gate.name)).size === gates.length, "gate names must differ")
  .superRefine((gates, context) => {
    const names = new Set(gates.map(({ name }) => name));
    for (const [index, { name, needs = [], stage }] of gates.entries()) {
      const unknown = needs.findIndex((need) => !names.has(need));
      if (unknown >= 0)
        context.addIssue({ code: "custom", path: [index, "needs", unknown], message: `expected the name of another gate: ${[...names].join(", ")}` });
      else if (reaches(gates, name))
        context.addIssue({
          code: "custom",
          path: [index, stage === undefined || needs.length > 0 ? "needs" : "stage"],
          message: `expected gates that do not need ${name} themselves`,
        });
    }
  });

function reaches(gates: readonly Gate[], name: string): boolean {
  const open = [...needsOf(gates, name)];
  const seen = new Set<string>();
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next === name) return true;
    if (seen.has(next)) continue;
    seen.add(next);
    open.push(...needsOf(gates, next));
  }
  return false;
}

/** The gates that come before one: its own `needs`, else by its stage. */
export function needsOf(gates: readonly Gate[], name: string): readonly string[] {
  const gate = gates.find((one) => one.name === name);
  if (gate?.needs !== undefined) return gate.needs;
  if (gate?.stage === undefined) return [];
  const before = GATE_STAGES.slice(0, GATE_STAGES.indexOf(gate.stage)).findLast((stage) => gates.some((one) => one.stage === stage));
  return before === undefined ? [] : gates.filter((one) => one.stage === before).map((one) => one.name);
}

/** How globs are read. */
type MatcherOf = (globs: readonly string[]) => (path: string) => boolean;

/** The gates that a change of these paths concerns, in their order; every gate where the paths are not known. */
export function concernedGates(gates: readonly Gate[], changed: readonly string[] | undefined, matcherOf: MatcherOf): Gate[] {
  if (changed === undefined || changed.includes(RULES_FILE)) return [...gates];
  return someGates(gates, new Set(gates.filter((gate) => isConcerned(gate, changed, matcherOf)).map(({ name }) => name)));
}

/** Some of the gates, in their order: each behind those that it needs, and where one of those is missing, behind what that one needs. */
export function someGates(gates: readonly Gate[], names: ReadonlySet<string>): Gate[] {
  const present = (name: string): readonly string[] => (names.has(name) ? [name] : needsOf(gates, name).flatMap(present));
  return gates
    .filter(({ name }) => names.has(name))
    .map((gate) => (gate.needs === undefined ? gate : { ...gate, needs: [...new Set(gate.needs.flatMap(present))] }));
}

/** Whoever changes what the gates are has to pass all of them. */
const RULES_FILE = ".slipway.yaml";

/** Whether it matters to a gate which paths a change touches. */
export function hasPathFilter({ paths, ignore }: Gate): boolean {
  return paths !== undefined || ignore !== undefined;
}

/** One without a filter always is, whatever the change. */
function isConcerned(gate: Gate, changed: readonly string[], matcherOf: MatcherOf): boolean {
  if (!hasPathFilter(gate)) return true;
  const isMeant = gate.paths === undefined ? () => true : matcherOf(gate.paths);
  const isIgnored = matcherOf(gate.ignore ?? []);
  return changed.some((path) => isMeant(path) && !isIgnored(path));
}

/** What is run for a gate, whole: its folder and variables are a part of the command, and so of its receipt. */
export function gateCommand({ run, cwd, env = {} }: Gate): string {
  const exports = Object.entries(env).map(([name, value]) => `export ${name}=${quoted(value)}\n`);
  return `${cwd === undefined ? "" : `cd ${quoted(cwd)} || exit\n`}${exports.join("")}${run}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
