import { type CriticAnswer, criticAnswerSchema } from "@slipway/protocol/critic";

/** An answer of the right form, or what is wrong with it, each in a sentence for whoever gave it. */
export type ReadAnswer = { readonly answer: CriticAnswer } | { readonly problems: readonly string[] };

const PROBLEMS_SHOWN = 10;

/** Finds the JSON object in what a critic said: all of it, a block of code, or what stands from its first brace to its last. */
export function readAnswer(text: string): ReadAnswer {
  const found = candidatesOf(text)
    .map(parseJson)
    .find((value) => typeof value === "object" && value !== null && !Array.isArray(value));
  if (found === undefined) return { problems: [text.trim() === "" ? "The answer is empty; expected one JSON object." : "The answer is no JSON object."] };
  const parsed = criticAnswerSchema.safeParse(found);
  if (parsed.success) return { answer: parsed.data };
  return {
    problems: parsed.error.issues.slice(0, PROBLEMS_SHOWN).map(({ path, message }) => `${path.length === 0 ? "the object" : path.join(".")}: ${message}`),
  };
}

function candidatesOf(text: string): string[] {
  const blocks = Array.from(text.matchAll(/```(?:json)?[^\S\n]*\n([\s\S]*?)\n[^\S\n]*```/g), (match) => match[1] ?? "");
  const [first, last] = [text.indexOf("{"), text.lastIndexOf("}")];
  return [text, ...blocks.reverse(), ...(first >= 0 && last > first ? [text.slice(first, last + 1)] : [])];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
