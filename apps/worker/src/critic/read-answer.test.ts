import { expect, test } from "vitest";
import { readAnswer } from "./read-answer.ts";

const ANSWER = {
  verdict: "approve",
  summary: "Well.",
  criteria: [{ criterion: 1, verdict: "met", reason: "Seen.", evidence: [{ file: "a", line: 1 }] }],
  findings: [{ severity: "nit", text: "A word.", file: null, line: null }],
  score: 90,
  confidence: 0.5,
};
const TEXT = JSON.stringify(ANSWER, undefined, 2);

test.each([
  ["alone", TEXT],
  ["in a block of code", `Here:\n\`\`\`json\n${TEXT}\n\`\`\`\nThat is all.`],
  ["in the last of several blocks", `\`\`\`\n{"verdict": 1}\n\`\`\`\n\`\`\`json\n${TEXT}\n\`\`\``],
  ["between other words", `I think so.\n${TEXT}\nDone.`],
])("an answer %s is read", (_, text) => {
  expect(readAnswer(text)).toEqual({ answer: ANSWER });
});

test.each<[string, string, RegExp]>([
  ["nothing", "  ", /empty/],
  ["words", "Looks good!", /no JSON object/],
  ["a list", "[1]", /no JSON object/],
  ["JSON that is cut", TEXT.slice(0, -20), /no JSON object/],
  ["a field that is missing", JSON.stringify({ ...ANSWER, score: undefined }), /^score: /],
  ["a verdict that is none", JSON.stringify({ ...ANSWER, verdict: "maybe" }), /^verdict: /],
  ["a score beyond the scale", JSON.stringify({ ...ANSWER, score: 101 }), /^score: /],
  [
    "a line that is none",
    JSON.stringify({ ...ANSWER, criteria: [{ ...ANSWER.criteria[0], evidence: [{ file: "a", line: 0 }] }] }),
    /^criteria\.0\.evidence\.0\.line: /,
  ],
])("%s is told as what it is", (_, text, problem) => {
  const read = readAnswer(text);
  expect("problems" in read && read.problems[0]).toMatch(problem);
});
