import { printable } from "./text.ts";

/** A failure in lines for people, each thing said once. */
export interface FailureText {
  readonly message: string;
  /** All that is wrong, where it is more than one thing: where, what was expected, what stands there. */
  readonly problems: readonly string[];
  /** What else helps, as `name: value`, and the ends of what failed gates printed. */
  readonly details: readonly string[];
}

type Details = Readonly<Record<string, unknown>>;

/** How a problem of a file or of a field is told; the message and the list say it all. */
const PROBLEM_KEYS: ReadonlySet<string> = new Set(["file", "line", "column", "key", "field", "value", "expected", "problem", "problems"]);
const DETAIL_LIMIT = 500;
const GATES_SHOWN = 5;
const EXCERPT_LINES = 8;
const RUN_HEADING = /^\d+ (of \d+ )?tests? failed\b/;

/** Codes whose message says in words all that the details hold for tools. */
const TOLD_IN_WORDS: ReadonlySet<string> = new Set(["BUDGET_EXCEEDED", "DAY_BUDGET_EXCEEDED", "BASELINE_RED"]);

/** What a failure's message and details say beside its hint, which is left to the caller. */
export function failureText(failure: { readonly code?: string; readonly message: string; readonly hint: string; readonly details: Details }): FailureText {
  if (failure.code !== undefined && TOLD_IN_WORDS.has(failure.code)) return { message: printable(failure.message), problems: [], details: [] };
  const problems = problemsIn(failure.details);
  const [first] = problems;
  const said = `${failure.message} ${failure.hint}`;
  const details = Object.entries(failure.details)
    .filter(([key, value]) => key !== "hint" && !(first !== undefined && PROBLEM_KEYS.has(key)) && !isSaid(value, said))
    .flatMap(([key, value]) => (key === "gates" ? gateLines(value) : [`${key}: ${shown(value)}`]));
  if (first === undefined || problems.length === 1) return { message: printable(withFound(failure.message, first)), problems: [], details };
  const where = typeof first["file"] === "string" ? ` in ${first["file"]}` : "";
  return { message: printable(`${problems.length} problems${where}:`), problems: problems.map((problem) => printable(problemLine(problem))), details };
}

function problemsIn(details: Details): Details[] {
  const listed = details["problems"];
  if (Array.isArray(listed)) return listed.filter((problem) => typeof problem === "object" && problem !== null);
  return typeof details["expected"] === "string" && typeof (details["field"] ?? details["key"]) === "string" ? [details] : [];
}

/** Such as `.slipway.yaml:4:5: gates[0].rum: expected one of name, run; found "npm test"`, or `task: expected a text; found 3`. */
function problemLine(problem: Details): string {
  const { file, line, column, key, field, expected, problem: text } = problem;
  const place = typeof file === "string" ? [`${file}:${line}:${column}`, key] : [field];
  const wanted = typeof file === "string" ? `expected ${expected}` : (expected ?? text);
  const found = foundIn(problem);
  return `${[...place, wanted].filter(Boolean).join(": ")}${found === undefined ? "" : `; found ${found}`}`;
}

/** The message, and what stands there where the message does not say it. */
function withFound(message: string, problem: Details | undefined): string {
  const found = problem && foundIn(problem);
  return found === undefined || found === "nothing" || message.includes(found) ? message : `${message.replace(/\.$/, "")}; found ${found}.`;
}

/** A file's value comes as JSON already; a field's as it is. */
function foundIn({ file, value }: Details): string | undefined {
  if (value === null && typeof file === "string") return "nothing";
  if (value === null || value === undefined) return undefined;
  return typeof file === "string" && typeof value === "string" ? value : JSON.stringify(value);
}

/** Whether the value is nothing, a flag, which is for tools, or words that stand in the message or the hint. */
function isSaid(value: unknown, said: string): boolean {
  if (value === null || value === undefined || typeof value === "boolean") return true;
  if (Array.isArray(value)) return value.every((item) => typeof item === "string" && said.includes(item));
  return typeof value === "string" ? said.includes(value) : typeof value === "number" && new RegExp(`\\b${value}\\b`).test(said);
}

/** How each gate ended, and the end of what it printed; those without an output are named by the message. */
function gateLines(value: unknown): string[] {
  const gates = Array.isArray(value) ? value.filter((gate): gate is Details => typeof gate?.name === "string" && typeof gate?.excerpt === "string") : [];
  return gates.slice(0, GATES_SHOWN).flatMap(({ name, exitCode, timedOut, excerpt }) => {
    const all = printable(String(excerpt)).trim().split("\n");
    // Where the runner is known the failing tests come first; else what counts is mostly at the end.
    const lines = RUN_HEADING.test(all[0] ?? "") ? all.slice(0, EXCERPT_LINES) : all.slice(-EXCERPT_LINES);
    return [`gate ${printable(String(name))}, ${timedOut ? "timed out" : `exit ${exitCode}`}:`, ...lines.map((line) => `  ${line}`)];
  });
}

function shown(value: unknown): string {
  const list = Array.isArray(value) && value.every((item) => typeof item === "string") ? value.join(", ") : undefined;
  return printable(list ?? (typeof value === "string" ? value : JSON.stringify(value))).slice(0, DETAIL_LIMIT);
}
