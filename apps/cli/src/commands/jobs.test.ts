import { expect, test } from "vitest";
import { sampleJob } from "../../../../tests/support/sample-job.ts";
import { sampleRevision } from "../../../../tests/support/sample-revision.ts";
import { Screen } from "../terminal/screen.ts";
import { jobTable } from "./jobs.ts";

const screen = new Screen({ json: false, quiet: false });
const predicted = [{ job: 3, target: "main", paths: ["src/a.ts"] }];

test("a job whose change goes back, or is likely to, has a note, as long as it is on its way", () => {
  const note = (more: Parameters<typeof sampleJob>[0]): string => jobTable(screen, [sampleJob(more)]).join("\n");
  expect(note({})).not.toContain("note");
  expect(note({ state: "queued", revision: sampleRevision() })).toMatch(/note.*revision 1\/2/s);
  expect(note({ state: "running", revision: sampleRevision(), predicted })).toMatch(/revision 1\/2, conflict ahead/);
  expect(note({ state: "done", revision: sampleRevision() })).not.toContain("note");
});
