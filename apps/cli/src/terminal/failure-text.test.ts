import { type SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import { parseRepositoryConfig } from "@slipway/protocol/parse-repository-config";
import { expect, test } from "vitest";
import { failureText } from "./failure-text.ts";

function failureOf(config: string): SlipwayError {
  try {
    parseRepositoryConfig(config);
  } catch (error) {
    return toSlipwayError(error);
  }
  throw new Error("the configuration is right");
}

test("one problem of a file is told by the message alone", () => {
  expect(failureText(failureOf("version: 1\nrepairs: many\n"))).toEqual({
    message: '.slipway.yaml:2:10: repairs: expected a number; found "many".',
    problems: [],
    details: [],
  });
});

test("several problems are each told once, with place, what was expected and what stands there", () => {
  expect(failureText(failureOf("version: 1\ngates:\n  - name: test\n    rum: npm test\n"))).toEqual({
    message: "2 problems in .slipway.yaml:",
    problems: [
      ".slipway.yaml:3:5: gates[0].run: expected a text; found nothing",
      '.slipway.yaml:4:5: gates[0].rum: expected one of name, run, timeoutSeconds, cwd, env, needs, stage, paths, ignore, parallel, report, coverage, retries, and no other key (did you mean gates[0].run?); found "npm test"',
    ],
    details: [],
  });
});

test("a field of a request: what stands there is told where the message does not", () => {
  const problem = { field: "priority", value: 5_000, expected: "expected at most 1000" };
  expect(
    failureText({ message: "priority: expected at most 1000.", hint: "Mend it.", details: { ...problem, problems: [problem], hint: "Mend it." } }),
  ).toEqual({
    message: "priority: expected at most 1000; found 5000.",
    problems: [],
    details: [],
  });
  const other = { field: "lane", value: "fast", expected: "expected one of normal, background" };
  expect(failureText({ message: "…", hint: "", details: { ...problem, problems: [problem, other] } })).toMatchObject({
    message: "2 problems:",
    problems: ["priority: expected at most 1000; found 5000", 'lane: expected one of normal, background; found "fast"'],
  });
});

test("other details are kept, and nothing in them can take over a terminal", () => {
  const { details } = failureText({ message: "No.", hint: "h", details: { hint: "h", branch: "ma\x1b[2Jin", paths: ["a.txt", "b.txt"], nothing: null } });
  expect(details).toEqual(["branch: main", "paths: a.txt, b.txt"]);
});

test("what the message or the hint says already is not said again", () => {
  const details = { backend: "nope", known: ["script"], job: 66, pid: 6, port: 70 };
  expect(failureText({ message: "No worker has the backend nope; job 66 waits.", hint: "Choose one of: script.", details }).details).toEqual([
    "pid: 6",
    "port: 70",
  ]);
});

test("a flag in the details is for tools", () => {
  const details = { key: "OPENAI_API_KEY", file: "/secrets/OPENAI_API_KEY", unfit: false };
  const message = "The key OPENAI_API_KEY is missing.";
  expect(failureText({ code: "SECRET_MISSING", message, hint: "Put it into /secrets/OPENAI_API_KEY.", details }).details).toEqual([]);
});

test("an exhausted budget is told by its message alone, with its numbers", () => {
  const message = "The job's budget of 200,000 tokens has no room for the next call of gpt-5: 190,000 tokens are spent, 0 are reserved.";
  const details = { scope: "job", unit: "tokens", limit: 200_000, spent: 190_000, reserved: 0, wanted: 20_000, waiting: false, provider: "openai" };
  expect(failureText({ code: "BUDGET_EXCEEDED", message, hint: "Raise the job's budget.", details })).toEqual({ message, problems: [], details: [] });
});

test("failed gates are told with the end of what they printed", () => {
  const excerpt = Array.from({ length: 20 }, (_, index) => `line ${index}\x1b[31m`).join("\n");
  const gates = [
    { name: "test", exitCode: 3, timedOut: false, artifact: "gate-test-0.log", excerpt },
    { name: "lint", exitCode: null, timedOut: true, artifact: null, excerpt: "slow\n" },
  ];
  const { details } = failureText({
    message: "The gates test, lint failed, and no repair is allowed.",
    hint: "",
    details: { gates, reason: "no repair is allowed" },
  });
  expect(details).toEqual(["gate test, exit 3:", ...Array.from({ length: 8 }, (_, index) => `  line ${index + 12}`), "gate lint, timed out:", "  slow"]);
});
