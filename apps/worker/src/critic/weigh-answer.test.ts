import type { CriticAnswer } from "@slipway/protocol/critic";
import { expect, test } from "vitest";
import { rejectionFindings } from "./refusal-text.ts";
import { weighAnswer } from "./weigh-answer.ts";

const MET = { criterion: 1, verdict: "met" as const, reason: "Seen.", evidence: [{ file: "a", line: 1 }] };
const ANSWER: CriticAnswer = { verdict: "approve", summary: "Well.", criteria: [MET], findings: [], score: 90, confidence: 0.5 };
/** `a` has three lines, and there is no other file. */
const lineCount = (file: string): number | undefined => (file === "a" ? 3 : undefined);
const weigh = (more: Partial<CriticAnswer>, criteria = ["It adds"], minScore = 0) => weighAnswer({ ...ANSWER, ...more }, { criteria, lineCount, minScore });
const major = (file?: string, line?: number) => ({
  severity: "major" as const,
  text: "Bad.",
  ...(file === undefined ? {} : { file }),
  ...(line === undefined ? {} : { line }),
});

test.each<[string, Partial<CriticAnswer>, "approve" | "reject"]>([
  ["all is met, by a line that is there", {}, "approve"],
  [
    "what is wrong is small",
    {
      findings: [
        { severity: "minor", text: "Small." },
        { severity: "nit", text: "Tiny.", file: "a", line: 3 },
      ],
    },
    "approve",
  ],
  [
    "a path is told from where its author stands",
    { criteria: [{ ...MET, evidence: [{ file: "./a", line: 1 }] }], findings: [{ severity: "nit", text: "x", file: "/workspace/a" }] },
    "approve",
  ],
  ["a major is at a line that is there", { findings: [major("a", 3)] }, "reject"],
  ["a blocker is of no one place", { findings: [{ severity: "blocker", text: "Bad." }] }, "reject"],
  ["a major is at a line that is not there", { findings: [major("a", 4)] }, "approve"],
  ["a major is in a file that is not there", { findings: [major("b", 1)] }, "approve"],
  ["a criterion is not met, whatever the verdict says", { criteria: [{ ...MET, verdict: "unmet", evidence: [] }] }, "reject"],
  ["it rejects, with a reason", { verdict: "reject", findings: [major()] }, "reject"],
])("where %s", (_, answer, verdict) => {
  const { opinion, problems } = weigh(answer);
  expect(problems).toEqual([]);
  expect(opinion?.verdict).toBe(verdict);
});

test("what names a place that is not there does not count, and that is told", () => {
  const { opinion } = weigh({
    findings: [major("b", 1), major("a", 4), { severity: "major", text: "Bad.", line: 2 }],
    criteria: [{ ...MET, evidence: [{ file: "b", line: 1 }, ...MET.evidence] }],
  });
  expect(opinion?.findings.map(({ proven }) => proven)).toEqual([false, false, false]);
  expect(opinion?.criteria).toMatchObject([{ verdict: "met", evidence: MET.evidence }]);
  expect(opinion?.notes).toEqual([
    "Evidence for criterion 1 is not there: there is no file b.",
    "A finding does not count, as what it names is not there: there is no file b.",
    "A finding does not count, as what it names is not there: a has 3 lines, and no line 4.",
    "A finding does not count, as what it names is not there: a line of no file.",
  ]);
});

test("a score below the repository's least is a rejection, and says so", () => {
  const { opinion } = weigh({ score: 69 }, ["It adds"], 70);
  expect(opinion).toMatchObject({ verdict: "reject", notes: ["Its score of 69 is below the 70 that the repository asks for."] });
  expect(weigh({ score: 70 }, ["It adds"], 70).opinion?.verdict).toBe("approve");
});

test("without a judgement of each criterion, or a reason, there is no opinion; without a line for what is met it is unproven", () => {
  expect(weigh({ criteria: [] })).toMatchObject({ opinion: undefined, problems: ["criteria: expected criterion 1 once, found it nowhere."] });
  expect(weigh({ criteria: [MET, MET] })).toMatchObject({ opinion: undefined, problems: ["criteria: expected criterion 1 once, found it 2 times."] });
  expect(weigh({}, ["It adds", "It is short"]).opinion).toBeUndefined();
  expect(weigh({ verdict: "reject" })).toMatchObject({ opinion: undefined, problems: [expect.stringMatching(/^verdict: reject needs/)] });
  expect(weigh({ verdict: "reject", findings: [major("b", 1)] }).opinion).toBeUndefined();
  const unproven = weigh({ criteria: [{ ...MET, evidence: [] }] });
  expect(unproven).toMatchObject({
    opinion: { verdict: "reject", criteria: [{ verdict: "unproven" }] },
    problems: [expect.stringContaining("no line that is there is named")],
  });
});

test("for the agent the findings of all are in one list, most important first, each once, and without what does not count", () => {
  const one = weigh({
    verdict: "reject",
    criteria: [{ ...MET, verdict: "unmet" }],
    findings: [{ severity: "nit", text: "Tiny." }, { severity: "blocker", text: "Bad.", file: "a", line: 2 }, major("b", 1)],
  });
  const two = weigh({
    verdict: "reject",
    criteria: [{ ...MET, evidence: [] }],
    findings: [{ severity: "minor", text: "Small.", file: "a" }, major("a", 1), major("a", 1)],
  });
  if (!one.opinion || !two.opinion) throw new Error("there is no opinion");
  expect(
    rejectionFindings([
      { name: "one", opinion: one.opinion },
      { name: "two", opinion: two.opinion },
    ]),
  ).toEqual([
    "a:2: blocker: Bad. (one)",
    'a:1: The criterion "It adds" is not met: Seen. (one)',
    "a:1: major: Bad. (two)",
    'The criterion "It adds" could not be shown to be met: Seen. (two)',
    "a: minor: Small. (two)",
    "nit: Tiny. (one)",
  ]);
  const low = weigh({ score: 1 }, ["It adds"], 50);
  if (!low.opinion) throw new Error("there is no opinion");
  expect(rejectionFindings([{ name: "one", opinion: low.opinion }])).toEqual(["Well."]);
});
