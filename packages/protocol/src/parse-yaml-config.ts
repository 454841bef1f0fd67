import { createRequire } from "node:module";
import type { Document, LineCounter } from "yaml";
import { z } from "zod";
import { SlipwayError } from "./errors.ts";

// With the first file that is read: a process that has read none does without its 72 modules, 3 MB and the optimiser's work on them.
const load = createRequire(import.meta.url);
const yaml = (): typeof import("yaml") => load("yaml");

/** What `parseYamlConfig` needs to know of a kind of file. */
export interface YamlConfig<Schema extends z.ZodType> {
  readonly text: string;
  /** As the messages name it. */
  readonly file: string;
  /** Takes `{}`: all of it has defaults. */
  readonly schema: Schema;
  /** What to do about the problems of a broken file, in one sentence or two. */
  readonly hint: (problems: number) => string;
}

/** One thing that is wrong in the file; line and column count from 1. */
interface ConfigProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Such as `gates[0].run`; empty for the document itself. */
  readonly key: string;
  /** What stands there, cut to 200 characters; null where nothing does. */
  readonly value: string | null;
  readonly expected: string;
}

/**
 * The text of a YAML configuration file as a checked value with its defaults; an empty file is one with nothing but defaults.
 * INVALID_CONFIG names the first problem in its message and in `details` (file, line, column, key, value, expected), and all in `details.problems`.
 */
export function parseYamlConfig<Schema extends z.ZodType>({ text, file, schema, hint }: YamlConfig<Schema>): z.infer<Schema> {
  if (text === "") return schema.parse({});
  const lines = new (yaml().LineCounter)();
  const document = yaml().parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const broken = document.errors.map((error) =>
    problemAt(file, lines, error.pos[0], { key: "", value: lineAt(text, error.pos[0]) || null, expected: `valid YAML: ${error.message}` }),
  );
  if (broken.length > 0) throw invalid(broken, hint);
  const parsed = schema.safeParse(unfold(document, file, hint) ?? {});
  if (parsed.success) return parsed.data;
  throw invalid(
    parsed.error.issues.flatMap((issue) => problemsOf(issue, { schema, document, lines, file })),
    hint,
  );
}

/** Aliases that would unfold without end are refused by the YAML library. */
function unfold(document: Document, file: string, hint: (problems: number) => string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    const expected = `valid YAML: ${error instanceof Error ? error.message : String(error)}`;
    throw invalid([{ file, line: 1, column: 1, key: "", value: null, expected }], hint);
  }
}

interface Source {
  readonly schema: z.ZodType;
  readonly document: Document;
  readonly lines: LineCounter;
  readonly file: string;
}

function problemsOf(issue: z.core.$ZodIssue, { schema, document, lines, file }: Source): ConfigProblem[] {
  const path = issue.path.filter((part) => typeof part !== "symbol");
  if (issue.code === "unrecognized_keys") {
    const known = knownKeys(schema, path);
    return issue.keys.map((key) =>
      problemAt(file, lines, keyOffset(document, path, key), {
        key: keyText([...path, key]),
        value: show(document.getIn([...path, key])),
        expected: `one of ${known}, and no other key`,
      }),
    );
  }
  const name = path.at(-1);
  if (issue.code === "invalid_key" && name !== undefined) {
    const at = keyOffset(document, path.slice(0, -1), String(name));
    return [problemAt(file, lines, at, { key: keyText(path), value: show(name), expected: expectedOf(issue) })];
  }
  const found = document.getIn(path, true);
  return [problemAt(file, lines, offsetOf(document, path), { key: keyText(path), value: show(found), expected: expectedOf(issue) })];
}

/** What would have been right, in words. */
function expectedOf(issue: z.core.$ZodIssue): string {
  const unit = "origin" in issue && issue.origin === "array" ? " entries" : "origin" in issue && issue.origin === "string" ? " characters" : "";
  switch (issue.code) {
    case "invalid_type":
      return KIND_NAMES[issue.expected] ?? issue.expected;
    case "invalid_value":
      return issue.values.map((value) => JSON.stringify(value)).join(" or ");
    case "too_small":
      return `${issue.inclusive === false ? "more than" : "at least"} ${issue.minimum}${unit}`;
    case "too_big":
      return `${issue.inclusive === false ? "less than" : "at most"} ${issue.maximum}${unit}`;
    case "invalid_key":
      return `a name with ${issue.issues.map(expectedOf).join(" and ")}`;
    case "invalid_format":
      if (issue.format === "url") return "an address that begins with http:// or https://";
      break;
  }
  return issue.message.replace(/^expected /, "");
}

const KIND_NAMES: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  array: "a list",
  object: "a mapping of keys to values",
  boolean: "true or false",
};

/** The keys that may stand at `path`, from the schema itself. */
function knownKeys(schema: z.ZodType, path: ReadonlyArray<string | number>): string {
  let at: unknown = schema;
  for (const part of path) at = inner(at, part);
  at = bare(at);
  return at instanceof z.ZodObject ? Object.keys(at.shape).join(", ") : "the documented keys";
}

function inner(schema: unknown, part: string | number): unknown {
  const at = bare(schema);
  if (at instanceof z.ZodObject) return at.shape[part];
  if (at instanceof z.ZodArray) return at.element;
  return at instanceof z.ZodRecord ? at.valueType : undefined;
}

function bare(schema: unknown): unknown {
  let at = schema;
  while (at instanceof z.ZodDefault || at instanceof z.ZodOptional || at instanceof z.ZodNullable) at = at.unwrap();
  return at;
}

/** Where the value at `path` starts, or the nearest thing around it that exists. */
function offsetOf(document: Document, path: ReadonlyArray<string | number>): number {
  const { isCollection, isScalar } = yaml();
  for (let length = path.length; length >= 0; length -= 1) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    const range = isScalar(node) || isCollection(node) ? node.range : undefined;
    if (range) return range[0];
  }
  return 0;
}

function keyOffset(document: Document, path: ReadonlyArray<string | number>, key: string): number {
  const { isMap, isScalar } = yaml();
  const map = path.length === 0 ? document.contents : document.getIn(path, true);
  const pair = isMap(map) ? map.items.find((item) => isScalar(item.key) && String(item.key.value) === key) : undefined;
  return (isScalar(pair?.key) ? pair.key.range?.[0] : undefined) ?? offsetOf(document, path);
}

function problemAt(file: string, lines: LineCounter, offset: number, rest: Pick<ConfigProblem, "key" | "value" | "expected">): ConfigProblem {
  const { line, col } = lines.linePos(offset);
  return { file, line: Math.max(line, 1), column: Math.max(col, 1), ...rest };
}

function keyText(path: ReadonlyArray<string | number>): string {
  return path.map((part, index) => (typeof part === "number" ? `[${part}]` : index === 0 ? part : `.${part}`)).join("");
}

function lineAt(text: string, offset: number): string {
  const start = text.lastIndexOf("\n", Math.max(offset - 1, 0)) + 1;
  return (text.slice(start).split("\n", 1)[0] ?? "").slice(0, 200);
}

function show(found: unknown): string | null {
  if (found === undefined) return null;
  const { isCollection, isScalar } = yaml();
  const plain = isScalar(found) ? found.value : isCollection(found) ? found.toJSON() : found;
  return (JSON.stringify(plain) ?? String(plain)).slice(0, 200);
}

function invalid(problems: readonly ConfigProblem[], hint: (problems: number) => string): SlipwayError {
  const [first] = problems;
  if (!first) return new SlipwayError("INVALID_CONFIG");
  const subject = first.key === "" ? "" : `${first.key}: `;
  const found = first.value === null ? "nothing is there" : `found ${first.value}`;
  return new SlipwayError("INVALID_CONFIG", `${first.file}:${first.line}:${first.column}: ${subject}expected ${first.expected}; ${found}.`, {
    ...first,
    problems,
    hint: hint(problems.length),
  });
}
