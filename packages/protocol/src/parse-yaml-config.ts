import { createRequire } from "node:module";
import type { Document } from "yaml";
import { z } from "zod";
import { SlipwayError } from "./errors.ts";
import { nearestKey } from "./nearest-key.ts";

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
  /** For an unknown key: the key that was most likely meant, as a path. */
  readonly suggestion?: string;
}

/** Where something stands in a file; both count from 1. */
export interface PlaceInFile {
  readonly line: number;
  readonly column: number;
}

/**
 * The text of a YAML configuration file as a checked value with its defaults; an empty file is one with nothing but defaults.
 * INVALID_CONFIG names the first problem in its message and in `details` (file, line, column, key, value, expected), and all in `details.problems`.
 */
export function parseYamlConfig<Schema extends z.ZodType>(config: YamlConfig<Schema>): z.infer<Schema> {
  return parseYamlConfigWithPlaces(config).value;
}

/** The same, and where the key at a path stands in the text; undefined where the text does not have it. INVALID_CONFIG, as above. */
export function parseYamlConfigWithPlaces<Schema extends z.ZodType>({
  text,
  file,
  schema,
  hint,
}: YamlConfig<Schema>): {
  readonly value: z.infer<Schema>;
  readonly placeOf: (path: readonly string[]) => PlaceInFile | undefined;
} {
  if (text === "") return { value: schema.parse({}), placeOf: () => undefined };
  const document = readDocument(text, file, hint);
  const broken = document.errors.map((error) =>
    problemAt(file, text, error.pos[0], { key: "", value: lineAt(text, error.pos[0]) || null, expected: `valid YAML: ${error.message}` }),
  );
  if (broken.length > 0) throw invalid(broken, hint);
  const parsed = schema.safeParse(unfold(document, file, hint) ?? {});
  if (parsed.success) {
    const placeOf = (path: readonly string[]): PlaceInFile | undefined => {
      if (path.length === 0 || !document.hasIn(path)) return undefined;
      return placeAt(text, keyOffset(document, path.slice(0, -1), path.at(-1) ?? ""));
    };
    return { value: parsed.data, placeOf };
  }
  throw invalid(
    parsed.error.issues.flatMap((issue) => problemsOf(issue, { schema, document, text, file })),
    hint,
  );
}

/** A text that nests without end runs the YAML library out of stack; that is the text's fault. */
function readDocument(text: string, file: string, hint: (problems: number) => string): Document {
  try {
    return yaml().parseDocument(text, { prettyErrors: false, logLevel: "error" });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw invalid([{ file, line: 1, column: 1, key: "", value: null, expected: "valid YAML that is not nested so deeply" }], hint);
  }
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
  readonly text: string;
  readonly file: string;
}

function problemsOf(issue: z.core.$ZodIssue, { schema, document, text, file }: Source): ConfigProblem[] {
  const path = issue.path.filter((part) => typeof part !== "symbol");
  if (issue.code === "unrecognized_keys") {
    const shape = shapeAt(schema, path);
    return issue.keys.map((key) => {
      const suggestion = suggestionFor(key, path, shape);
      return problemAt(file, text, keyOffset(document, path, key), {
        key: keyText([...path, key]),
        value: show(document.getIn([...path, key])),
        expected: `one of ${shape ? Object.keys(shape).join(", ") : "the documented keys"}, and no other key${suggestion ? ` (did you mean ${suggestion}?)` : ""}`,
        ...(suggestion === undefined ? {} : { suggestion }),
      });
    });
  }
  const name = path.at(-1);
  if (issue.code === "invalid_key" && name !== undefined) {
    const at = keyOffset(document, path.slice(0, -1), String(name));
    return [problemAt(file, text, at, { key: keyText(path), value: show(name), expected: expectedOf(issue) })];
  }
  const found = document.getIn(path, true);
  const value = isOfSecret(issue) && found !== undefined ? "what is not shown, as it may be a secret" : show(found);
  return [problemAt(file, text, offsetOf(document, path), { key: keyText(path), value, expected: expectedOf(issue) })];
}

/** Whether a schema says of its issue that what stands there is not to be repeated. */
function isOfSecret(issue: z.core.$ZodIssue | undefined): boolean {
  return issue?.code === "custom" && issue.params?.["isSecret"] === true;
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

type Shape = Readonly<Record<string, unknown>>;

/** The keys that may stand at `path`, from the schema itself; undefined where it names none. */
function shapeAt(schema: z.ZodType, path: ReadonlyArray<string | number>): Shape | undefined {
  let at: unknown = schema;
  for (const part of path) at = inner(at, part);
  at = bare(at);
  return at instanceof z.ZodObject ? at.shape : undefined;
}

/** The nearest known key at this place; else the same key in one of the mappings below, where it would have belonged. */
function suggestionFor(key: string, path: ReadonlyArray<string | number>, shape: Shape | undefined): string | undefined {
  if (!shape) return undefined;
  const near = nearestKey(key, Object.keys(shape));
  if (near !== undefined) return keyText([...path, near]);
  const homes = Object.keys(shape).filter((name) => {
    const below = bare(shape[name]);
    return below instanceof z.ZodObject && Object.hasOwn(below.shape, key);
  });
  return homes.length === 1 ? keyText([...path, homes[0] ?? "", key]) : undefined;
}

function inner(schema: unknown, part: string | number): unknown {
  const at = bare(schema);
  if (at instanceof z.ZodObject) return at.shape[part];
  if (at instanceof z.ZodArray) return at.element;
  return at instanceof z.ZodRecord ? at.valueType : undefined;
}

function bare(schema: unknown): unknown {
  let at = schema;
  while (at instanceof z.ZodDefault || at instanceof z.ZodPrefault || at instanceof z.ZodOptional || at instanceof z.ZodNullable) at = at.unwrap();
  return at;
}

/** Where the value at `path` starts, or the nearest thing around it that exists. */
function offsetOf(document: Document, path: ReadonlyArray<string | number>): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    const range = yaml().isScalar(node) || yaml().isCollection(node) ? node.range : undefined;
    if (range) return range[0];
  }
  return 0;
}

function keyOffset(document: Document, path: ReadonlyArray<string | number>, key: string): number {
  const map = path.length === 0 ? document.contents : document.getIn(path, true);
  const pair = yaml().isMap(map) ? map.items.find((item) => yaml().isScalar(item.key) && String(item.key.value) === key) : undefined;
  return (yaml().isScalar(pair?.key) ? pair.key.range?.[0] : undefined) ?? offsetOf(document, path);
}

function problemAt(file: string, text: string, offset: number, rest: Omit<ConfigProblem, "file" | "line" | "column">): ConfigProblem {
  return { file, ...placeAt(text, offset), ...rest };
}

/** Counted here: the YAML library's own counter does not see the lines after an error. */
function placeAt(text: string, offset: number): PlaceInFile {
  const before = text.slice(0, offset);
  return { line: before.split("\n").length, column: before.length - before.lastIndexOf("\n") };
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
  const plain = yaml().isScalar(found) ? found.value : yaml().isCollection(found) ? found.toJSON() : found;
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
