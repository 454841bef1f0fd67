import { type Document, isCollection, isMap, isScalar, LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { SlipwayError } from "./errors.ts";
import { REPOSITORY_CONFIG_FILE, type RepositoryConfig, repositoryConfigSchema } from "./repository-config.ts";

/** One thing that is wrong in the file; line and column count from 1. */
export interface ConfigProblem {
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
 * The text of a `.slipway.yaml` as a checked configuration with its defaults; an empty file is one with nothing but defaults.
 * INVALID_CONFIG names the first problem in its message and in `details` (file, line, column, key, value, expected), and all in `details.problems`.
 */
export function parseRepositoryConfig(text: string, file: string = REPOSITORY_CONFIG_FILE): RepositoryConfig {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const broken = document.errors.map((error) =>
    problemAt(file, lines, error.pos[0], { key: "", value: lineAt(text, error.pos[0]), expected: `valid YAML: ${error.message}` }),
  );
  if (broken.length > 0) throw invalid(broken);
  const parsed = repositoryConfigSchema.safeParse(unfold(document, file) ?? {});
  if (parsed.success) return parsed.data;
  throw invalid(parsed.error.issues.flatMap((issue) => problemsOf(issue, document, lines, file)));
}

/** Aliases that would unfold without end are refused by the YAML library. */
function unfold(document: Document, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw invalid([{ file, line: 1, column: 1, key: "", value: null, expected: `valid YAML: ${error instanceof Error ? error.message : String(error)}` }]);
  }
}

function problemsOf(issue: z.core.$ZodIssue, document: Document, lines: LineCounter, file: string): ConfigProblem[] {
  const path = issue.path.filter((part) => typeof part !== "symbol");
  if (issue.code === "unrecognized_keys") {
    const known = knownKeys(path);
    return issue.keys.map((key) =>
      problemAt(file, lines, keyOffset(document, path, key), {
        key: keyText([...path, key]),
        value: show(document.getIn([...path, key])),
        expected: `one of ${known}, and no other key`,
      }),
    );
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
    default:
      return issue.message.replace(/^expected /, "");
  }
}

const KIND_NAMES: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  array: "a list",
  object: "a mapping of keys to values",
  boolean: "true or false",
};

function knownKeys(path: ReadonlyArray<string | number>): string {
  const parts = path.map((part) => (typeof part === "number" ? "[]" : part)).join(".");
  return KNOWN_KEYS[parts] ?? "the documented keys";
}

const KNOWN_KEYS: Readonly<Record<string, string>> = {
  "": Object.keys(repositoryConfigSchema.shape).join(", "),
  setup: Object.keys(repositoryConfigSchema.shape.setup.unwrap().shape).join(", "),
  scope: Object.keys(repositoryConfigSchema.shape.scope.unwrap().shape).join(", "),
  "gates.[]": Object.keys(repositoryConfigSchema.shape.gates.unwrap().element.shape).join(", "),
};

/** Where the value at `path` starts, or the nearest thing around it that exists. */
function offsetOf(document: Document, path: ReadonlyArray<string | number>): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    const range = isScalar(node) || isCollection(node) ? node.range : undefined;
    if (range) return range[0];
  }
  return 0;
}

function keyOffset(document: Document, path: ReadonlyArray<string | number>, key: string): number {
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
  const plain = isScalar(found) ? found.value : isCollection(found) ? found.toJSON() : found;
  return (JSON.stringify(plain) ?? String(plain)).slice(0, 200);
}

function invalid(problems: readonly ConfigProblem[]): SlipwayError {
  const [first] = problems;
  if (!first) return new SlipwayError("INVALID_CONFIG");
  const subject = first.key === "" ? "" : `${first.key}: `;
  const found = first.value === null ? "nothing is there" : `found ${first.value}`;
  return new SlipwayError("INVALID_CONFIG", `${first.file}:${first.line}:${first.column}: ${subject}expected ${first.expected}; ${found}.`, {
    ...first,
    problems,
    hint: `Mend ${problems.length === 1 ? "it" : "them"} and commit that: a job reads the file at its base commit. Then submit again.`,
  });
}
