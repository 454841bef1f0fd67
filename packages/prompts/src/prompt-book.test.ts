import { TASK_KIND_NAMES } from "@slipway/protocol/task-kinds";
import { expect, test } from "vitest";
import { phasesOf, TEMPLATE_NAMES } from "./phases.ts";
import { PromptBook } from "./prompt-book.ts";
import { shippedTemplates } from "./shipped.ts";

const book = (files: Record<string, string> = {}, config = {}): PromptBook => PromptBook.open({ files: new Map(Object.entries(files)), config });

test("every kind and phase has a template of ours, which says its name, version and variables", () => {
  for (const kind of TASK_KIND_NAMES) for (const phase of phasesOf(kind)) expect(book().template(kind, phase).text).not.toBe("");
  for (const [name, { used }] of shippedTemplates()) {
    expect(TEMPLATE_NAMES).toContain(name);
    expect(used).toMatchObject({ name, version: expect.any(Number), from: "slipway", digest: expect.stringMatching(/^[0-9a-f]{64}$/) });
  }
});

test("without a template a job has its task word for word, and a value is no template", () => {
  const task = "Use {{failures}} and $& and {{task}}.\n";
  expect(book().fill("develop", "task", { task }).text).toBe(task);
  expect(book({}, { task: "Before. {{ task }} After {{task}}." }).fill("develop", "task", { task }).text).toBe(`Before. ${task} After ${task}.`);
});

test("a file wins over .slipway.yaml, a kind's own over that of any, and a verdict is repaired in its own way", () => {
  const own = book(
    { "any-repair.md": "Any {{failures}}\n", "fix-repair.md": "Fix {{failures}}", "README.md": "{{what}}" },
    { repair: "Yaml {{failures}}", readOnly: "Look: {{task}}" },
  );
  const repair = (kind: "develop" | "fix" | "review"): string => own.fill(kind, "repair", { failures: "x", form: "y" }).text;
  expect([repair("develop"), repair("fix")]).toEqual(["Any x", "Fix x"]);
  expect(repair("review")).toContain("Your verdict cannot be read");
  expect(own.fill("develop", "answer", { task: "t" })).toMatchObject({ text: "Look: t", used: { from: ".slipway.yaml", version: null } });
});

test.each([
  ["develop-task.md", "a\n{{taks}}\n", /develop-task\.md:2:1: expected one of \{\{task\}\}, found \{\{taks\}\}\. Did you mean \{\{task\}\}\?/],
  ["develop-task.md", "Do it.\n", /develop-task\.md:1:1: expected \{\{task\}\} somewhere/],
  ["test-task.md", "---\nvariables: [task]\n---\n{{task}}\n\n  {{testPaths}}\n", /test-task\.md:6:3: expected a variable that `variables` at the top names/],
  ["test-task.md", "---\nvariables: [task, testPaths]\n---\n{{task}}\n", /expected \{\{testPaths\}\} somewhere, as `variables` at the top names it/],
  ["fix-task.md", "---\nversoin: 2\n---\n{{task}}{{failure}}", /fix-task\.md:2:1: versoin.*version\?/],
  ["fix-task.md", "---\nversion: 0\n---\n{{task}}{{failure}}", /fix-task\.md:2:10: version/],
  ["fix-task.md", "---\nversion: 1\n{{task}}{{failure}}", /fix-task\.md:1:1: expected a second line `---`/],
  ["fix-task.md", "---\nname: fix\n---\n{{task}}{{failure}}", /fix-task\.md:2:7: expected the name that the file has, fix-task, found fix/],
  ["plan-tasks.md", "{{task}}", /plan-tasks\.md:1:1: expected one of .*Did you mean plan-task\.md\?/],
  ["develop-task.md", `{{task}}${"x".repeat(20_000)}`, /expected at most 20000 characters/],
  ["any-nudge.md", "Go on, {{task}}", /any-nudge\.md:1:8: expected one of \{\{silence\}\}/],
])("%s with %j is told by its place", (file, text, words) => {
  expect(() => book({ [file]: text })).toThrow(words);
});

test("a kind has no prompt for what does not happen to it", () => {
  expect(() => book().template("review", "handover")).toThrow(/A job of the kind review has no prompt handover/);
});
