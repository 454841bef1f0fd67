import { expect, test } from "vitest";
import { jobMarks } from "./job-marks.ts";

const JOB = "0198c0de-0000-7000-8000-000000000001";
const OTHER = "0198c0de-0000-7000-8000-000000000002";

test("the trailers of a landed commit name its job", () => {
  const message = `Add a test\n\nThe whole task.\n\nSlipway-Job: ${JOB}\nSlipway-Attempt: 2\nSlipway-Backend: codex\n`;
  expect(jobMarks(message)).toEqual([{ jobId: JOB, attempt: 2, backend: "codex", acceptedBy: null }]);
});

test("a squash of several commits names each of their jobs once", () => {
  const one = (job: string): string => `  * Change\n\n  Slipway-Job: ${job}\n  Slipway-Attempt: 1\n  Slipway-Backend: script\n`;
  expect(jobMarks(`All of it\n\n${one(JOB)}\n${one(OTHER)}\n${one(JOB)}`)).toEqual([
    { jobId: JOB, attempt: 1, backend: "script", acceptedBy: null },
    { jobId: OTHER, attempt: 1, backend: "script", acceptedBy: null },
  ]);
});

test("who accepted it stands beside the job", () => {
  const message = `Change\n\nSlipway-Job: ${JOB}\nAccepted-By: laptop (admin)\nAccepted-Red: gate test\n`;
  expect(jobMarks(message)).toEqual([{ jobId: JOB, attempt: null, backend: null, acceptedBy: "laptop (admin)" }]);
});

test("a commit that no job made names none, and a trailer without its job is nobody's", () => {
  expect(jobMarks("Fix\n\nTalk of Slipway-Job: x in a sentence.\nSlipway-Attempt: 3\n")).toEqual([]);
});
