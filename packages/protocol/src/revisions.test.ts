import { expect, test } from "vitest";
import { sampleRevision } from "../../../tests/support/sample-revision.ts";
import { predictedText, revisionSchema, revisionText } from "./revisions.ts";

test("a revision is one line, with whom it met and where", () => {
  expect(revisionText(sampleRevision())).toBe("revision 1 of 2: conflicts with job 12 in src/a.ts");
  const others = [13, 12, 12].map((number) => ({ oid: "d".repeat(40), subject: "s", job: { number, title: "t", task: "t" } }));
  const paths = ["a", "b", "c", "d", "e"];
  expect(revisionText(sampleRevision({ number: 2, paths, others }))).toBe("revision 2 of 2: conflicts with job 13, job 12 in a, b, c and 2 more");
  const gate = { name: "test", command: "npm test", exitCode: 1, durationMs: 1, excerpt: "", redBefore: false, receipt: null };
  const red = sampleRevision({
    cause: "gates",
    paths: [],
    gates: [gate, { ...gate, name: "lint" }],
    others: [{ oid: "d".repeat(40), subject: "s", job: null }],
  });
  expect(revisionText(red)).toBe("revision 1 of 2: merged with what landed on main, test, lint fail");
  expect(revisionSchema.parse(red)).toEqual(red);
});

test("a foreseen conflict says with whom", () => {
  expect(predictedText({ job: 12, target: "main", paths: ["a"] })).toBe("conflicts with job 12, which goes to main too, in a");
  expect(predictedText({ job: null, target: "main", paths: ["a", "b"] })).toBe("conflicts with what main has now in a, b");
});
