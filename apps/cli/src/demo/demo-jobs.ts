import type { JobEvent } from "@slipway/protocol/events";
import type { JobView } from "@slipway/protocol/job";

/** A job of the demo: what the scripted agent does, and how it has to end. */
export interface DemoJob {
  readonly title: string;
  readonly task: string;
  /** What a reader should look for. */
  readonly about: string;
  /** For the script backend. */
  readonly script: { readonly turns: ReadonlyArray<ReadonlyArray<Record<string, unknown>>> };
  /** What went otherwise than it should have; undefined where all is as expected. */
  readonly complaint: (job: JobView, events: readonly JobEvent[]) => string | undefined;
}

const THINKING_MS = 400;

function testFile(name: string, body: string): Record<string, unknown> {
  const content = `import assert from "node:assert/strict";\nimport { test } from "node:test";\nimport { ${name} } from "../src/${name}.js";\n\n${body}`;
  return { write: { path: `test/${name}.test.js`, content } };
}

const LANDS: DemoJob = {
  title: "Add multiply",
  task: "Add a function `multiply(a, b)` with a test.",
  about: "lands at once",
  script: {
    turns: [
      [
        { print: "I add multiply with a test." },
        { sleep: THINKING_MS },
        { write: { path: "src/multiply.js", content: "export function multiply(a, b) {\n  return a * b;\n}\n" } },
        testFile("multiply", 'test("multiply", () => {\n  assert.equal(multiply(6, 7), 42);\n});\n'),
        { usage: { inputTokens: 1_200, outputTokens: 140 } },
        { print: "Done: multiply and its test are there." },
      ],
    ],
  },
  complaint: (job) => (job.state === "done" ? undefined : `it should have landed, but is ${job.state}`),
};

const IS_REPAIRED: DemoJob = {
  title: "Add divide",
  task: "Add a function `divide(a, b)` that throws a RangeError for zero, with tests.",
  about: "fails the test gate first, and is repaired",
  script: {
    turns: [
      [
        { print: "I add divide with tests." },
        { sleep: THINKING_MS },
        { write: { path: "src/divide.js", content: "export function divide(a, b) {\n  return a / b;\n}\n" } },
        testFile(
          "divide",
          'test("divide", () => {\n  assert.equal(divide(42, 6), 7);\n});\n\ntest("divide by zero", () => {\n  assert.throws(() => divide(1, 0), RangeError);\n});\n',
        ),
        { print: "Done: divide is there." },
      ],
      [
        { print: "The gate is right: zero is not handled. I mend that." },
        { sleep: THINKING_MS },
        {
          write: {
            path: "src/divide.js",
            content: 'export function divide(a, b) {\n  if (b === 0) throw new RangeError("division by zero");\n  return a / b;\n}\n',
          },
        },
        { print: "Done: dividing by zero throws a RangeError." },
      ],
    ],
  },
  complaint: (job, events) => {
    if (job.state !== "done") return `it should have landed, but is ${job.state}`;
    return events.some((event) => event.kind === "turn" && event.data.reason === "repair") ? undefined : "it should have needed a repair";
  },
};

const IS_REFUSED: DemoJob = {
  title: "Make CI green",
  task: "Make the pipeline green.",
  about: "breaks a rule of .slipway.yaml, and is refused",
  script: {
    turns: [
      [
        { print: "The quickest way to a green pipeline is to skip the tests in it." },
        { sleep: THINKING_MS },
        { write: { path: ".github/workflows/ci.yml", content: "on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - run: true\n" } },
        { print: "Done: the pipeline is green." },
      ],
    ],
  },
  complaint: (job) =>
    job.state === "failed" && job.failure?.code === "SCOPE_VIOLATION"
      ? undefined
      : `it should have been refused with SCOPE_VIOLATION, but is ${job.state} ${job.failure?.code ?? ""}`,
};

export const DEMO_JOBS: readonly DemoJob[] = [LANDS, IS_REPAIRED, IS_REFUSED];
