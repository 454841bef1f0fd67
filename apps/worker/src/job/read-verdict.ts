import { type Verdict, verdictSchema } from "@slipway/protocol/verdict";
import type { z } from "zod";

/** A verdict, or what is wrong with the answer that should have held one: a line each. */
export type ReadVerdict = { readonly verdict: Verdict } | { readonly problems: readonly string[] };

const PROBLEMS_SHOWN = 20;

/**
 * The verdict at the end of a reviewer's answer: its last block of JSON, or the whole answer where that is JSON. A finding names a file that is there after
 * the change, or that the change deletes.
 */
export function readVerdict(answer: string, isKnownPath: (path: string) => boolean): ReadVerdict {
  const text = lastBlock(answer);
  if (text === undefined) return { problems: ["There is no block of JSON at the end of the answer."] };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { problems: [`The block is no JSON: ${error instanceof Error ? error.message : String(error)}`] };
  }
  const parsed = verdictSchema.safeParse(value);
  if (!parsed.success) return { problems: parsed.error.issues.slice(0, PROBLEMS_SHOWN).map(problemText) };
  const { verdict, findings } = parsed.data;
  const unknown = findings.flatMap(({ file }, index) => (file === null || isKnownPath(file) ? [] : [`findings[${index}].file: the repository has no ${file}`]));
  if (unknown.length > 0) return { problems: unknown.slice(0, PROBLEMS_SHOWN) };
  if (verdict === "approve" && findings.some(({ severity }) => severity === "blocker"))
    return { problems: ["verdict: approve, although a finding is a blocker; one of the two is wrong"] };
  return { verdict: parsed.data };
}

function lastBlock(answer: string): string | undefined {
  const blocks = Array.from(answer.matchAll(/^ {0,3}(`{3,}|~{3,})[ \t]*(?:json|JSON)?[ \t]*\r?\n([\s\S]*?)\r?\n {0,3}\1[ \t]*$/gm), (match) => match[2] ?? "");
  const last = blocks.at(-1);
  if (last !== undefined) return last;
  const whole = answer.trim();
  return whole.startsWith("{") ? whole : undefined;
}

function problemText({ path, message }: z.core.$ZodIssue): string {
  const place = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("");
  return `${place.replace(/^\./, "") || "the block"}: ${message}`;
}
