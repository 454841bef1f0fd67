import { createHash } from "node:crypto";
import { SlipwayError } from "@slipway/protocol/errors";
import { nearestKey } from "@slipway/protocol/nearest-key";
import { parseYamlConfig } from "@slipway/protocol/parse-yaml-config";
import { PROMPT_PLACE, PROMPT_TEMPLATE_LIMIT, type PromptUsed } from "@slipway/protocol/prompts";
import { z } from "zod";
import { PROMPT_VARIABLES, readTemplateName, shapeOf, type TemplateShape } from "./phases.ts";

/** What stands between the two `---` at a template's top; a repository's own may leave all of it out. */
const frontMatterSchema = z.strictObject({
  name: z.string().min(1).max(100).optional().describe("The same as the file's, without `.md`."),
  version: z.int().positive().optional().describe("Counted up with every change that matters."),
  variables: z.array(z.string().min(1).max(50)).max(20).optional().describe("The variables in the text, all of them."),
  headings: z.array(z.string().min(1).max(100)).max(30).optional().describe("`research-task`, `plan-task`: headings that the document must have."),
});

/** A template that is sound. */
export interface Template {
  readonly used: PromptUsed;
  readonly text: string;
  readonly headings: readonly string[];
}

/** A template as it came from somewhere. */
export interface TemplateSource {
  /** Such as `fix-task`. */
  readonly name: string;
  /** As messages and events name it. */
  readonly from: string;
  readonly text: string;
}

/** Reads a template and judges every place in it. INVALID_CONFIG names file, line, column, what stands there, and what was most likely meant. */
export function parseTemplate({ name, from, text }: TemplateSource): Template {
  const known = readTemplateName(name);
  if (!known) throw new Error(`${name} is no template's name`);
  if (text.length > PROMPT_TEMPLATE_LIMIT)
    throw invalid({ file: from, line: 1, column: 1, value: null, expected: `at most ${PROMPT_TEMPLATE_LIMIT} characters` });
  const { head, body, bodyAt } = split(text, from);
  const front = parseYamlConfig({ text: head, file: from, schema: frontMatterSchema, hint: () => HINT });
  const at = (offset: number): Pick<Problem, "file" | "line" | "column"> => ({ file: from, ...placeOf(text, offset) });
  if (front.name !== undefined && front.name !== name)
    throw invalid({ ...at(Math.max(0, text.indexOf(front.name))), value: front.name, expected: `the name that the file has, ${name}` });
  const shape = shapeOf(known.kind === "any" ? "develop" : known.kind, known.phase);
  if (front.headings && !shape.hasHeadings)
    throw invalid({ ...at(Math.max(0, text.indexOf("headings"))), value: "headings", expected: "no headings: no document comes of it" });
  judgePlaces(body, { shape, declared: front.variables, at: (offset) => at(bodyAt + offset) });
  const digest = createHash("sha256").update(text).digest("hex");
  return { used: { name, version: front.version ?? null, digest, from }, text: body, headings: front.headings ?? [] };
}

/** Puts values in. A value is put in as it stands: what looks like a place in it is none. */
export function fillTemplate({ text }: Template, values: Readonly<Record<string, string>>): string {
  return text.replace(PROMPT_PLACE, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`a prompt has no value for {{${name}}}`);
    return value;
  });
}

const HINT = "Mend it and commit that: a job reads the file at its base commit. `slipway prompts` lists all templates.";

/** The head keeps its place in the file: a line for its first `---`, so that problems in it name the file's lines. */
function split(text: string, file: string): { head: string; body: string; bodyAt: number } {
  if (!/^---\r?\n/.test(text)) return { head: "", body: trimmed(text), bodyAt: 0 };
  const end = /\r?\n---[ \t]*(\r?\n|$)/.exec(text);
  if (!end) throw invalid({ file, line: 1, column: 1, value: "---", expected: "a second line `---`, which ends the front matter" });
  const bodyAt = end.index + end[0].length;
  return { head: `\n${text.slice(text.indexOf("\n") + 1, end.index + 1)}`, body: trimmed(text.slice(bodyAt)), bodyAt };
}

/** Without the line end of the file's last line, which nobody wrote to an agent. */
function trimmed(body: string): string {
  return body.replace(/\s+$/, "");
}

interface Places {
  readonly shape: TemplateShape;
  readonly declared: readonly string[] | undefined;
  at(offset: number): Pick<Problem, "file" | "line" | "column">;
}

function judgePlaces(body: string, { shape, declared, at }: Places): void {
  const allowed: string[] = [...shape.required, ...shape.optional];
  const named = allowed.map((name) => `{{${name}}}`).join(", ");
  const places = Array.from(body.matchAll(PROMPT_PLACE), (match) => ({ name: match[1] ?? "", offset: match.index }));
  for (const { name, offset } of places) {
    if (!allowed.includes(name)) {
      const expected = allowed.length === 0 ? "no place in double braces" : `one of ${named}`;
      throw invalid({ ...at(offset), variable: name, value: `{{${name}}}`, expected, suggestion: nearestKey(name, allowed) });
    }
    if (declared && !declared.includes(name))
      throw invalid({ ...at(offset), variable: name, value: `{{${name}}}`, expected: "a variable that `variables` at the top names" });
  }
  const used = new Set(places.map(({ name }) => name));
  const missing = shape.required.find((name) => !used.has(name));
  if (missing) {
    const why = `{{${missing}}} somewhere (${PROMPT_VARIABLES[missing]}): without it the agent would not hear of that`;
    throw invalid({ ...at(0), variable: missing, value: null, expected: why });
  }
  const idle = declared?.find((name) => !used.has(name));
  if (idle !== undefined) {
    throw invalid({
      ...at(0),
      variable: idle,
      value: null,
      expected: `{{${idle}}} somewhere, as \`variables\` at the top names it`,
      suggestion: nearestKey(idle, [...used]),
    });
  }
}

interface Problem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly value: string | null;
  readonly expected: string;
  readonly variable?: string;
  readonly suggestion?: string | undefined;
}

/** The error about a template. */
export function invalid({ suggestion, ...problem }: Problem): SlipwayError {
  const { file, line, column, value, expected } = problem;
  const found = value === null ? "" : `, found ${value}`;
  const meant = suggestion === undefined ? "" : `. Did you mean ${problem.variable === undefined ? suggestion : `{{${suggestion}}}`}?`;
  const message = `${file}:${line}:${column}: expected ${expected}${found}${meant}`;
  return new SlipwayError("INVALID_CONFIG", message, { ...problem, ...(suggestion === undefined ? {} : { suggestion }), hint: HINT });
}

function placeOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split("\n");
  return { line: before.length, column: (before.at(-1) ?? "").length + 1 };
}
