import { describe, expect, it } from "vitest";
import { CHECKS, GUARDED_PATHS, TEST_PATHS } from "./checks.ts";
import { SlipwayError } from "./errors.ts";
import { parseRepositoryConfig } from "./parse-repository-config.ts";

function refusal(text: string): SlipwayError {
  try {
    parseRepositoryConfig(text);
  } catch (error) {
    if (error instanceof SlipwayError) return error;
    throw error;
  }
  throw new Error("the configuration was accepted");
}

describe("parseRepositoryConfig", () => {
  it("fills in the defaults of an empty file", () => {
    for (const text of ["", "# only a comment\n", "---\n"]) {
      expect(parseRepositoryConfig(text)).toEqual({
        version: 1,
        setup: { commands: [], outputs: [], network: "host", timeoutSeconds: 600 },
        egress: { turn: [], gates: [] },
        gates: [],
        baseline: "require",
        landing: {
          mode: "train",
          branch: "slipway/{job}-{slug}",
          pullRequest: { title: "{title}", draft: "never", labels: [], reviewers: [], scorecard: true, revisions: 2, merge: "never", mergeMethod: "merge" },
          style: "fast-forward",
          train: { parallel: 4, batch: 1, retries: 1 },
          revisions: 2,
          author: "slipway",
          coAuthors: [],
        },
        repairs: 3,
        mcpServers: {},
        prompts: {},
        checks: {
          ...Object.fromEntries(Object.entries(CHECKS).map(([name, { level }]) => [name, level])),
          limits: { files: 500, lines: 20_000, coveragePercent: 80, fileKib: 1_024 },
          testPaths: [...TEST_PATHS],
          proofGates: [],
          guardedPaths: [...GUARDED_PATHS],
        },
        documents: { research: "docs/research", plan: "docs/plans", gates: false },
        scope: { allow: ["**"], deny: [] },
      });
    }
  });

  it("reads a whole file", () => {
    const config = parseRepositoryConfig(
      "setup:\n  commands: [npm ci]\ngates:\n  - name: test\n    run: npm test\n    timeoutSeconds: 60\nrepairs: 1\nscope:\n  deny: ['.github/**']\n",
    );
    expect(config.setup.commands).toEqual(["npm ci"]);
    expect(config.gates).toEqual([{ name: "test", run: "npm test", timeoutSeconds: 60 }]);
    expect(config.scope).toEqual({ allow: ["**"], deny: [".github/**"] });
  });

  it("reads critics, one with its model alone", () => {
    const { critic } = parseRepositoryConfig("critic:\n  critics:\n    - {name: careful, model: {provider: anthropic, name: big}}\n");
    const model = { provider: "anthropic", name: "big", maxOutputTokens: 16_000 };
    expect(critic).toEqual({ critics: [{ name: "careful", model }], level: "required", minScore: 0, timeoutSeconds: 300, maxDiffBytes: 200_000 });
  });

  it.each([
    ["critics: []", "critic.critics", "1"],
    ["critics: [{name: a}]", "critic.critics[0]", "either `model` or `backend`"],
    ["critics: [{name: a, backend: codex, model: {provider: openai, name: b}}]", "critic.critics[0]", "either `model` or `backend`"],
    ["critics: [{name: a, model: {provider: openai, name: b}, config: {}}]", "critic.critics[0].config", "beside `backend` alone"],
    ["critics: [{name: a, backend: codex}, {name: a, backend: codex}]", "critic.critics", "must differ"],
    ["critics: [{name: a, backend: codex}]\n  quorum: 2", "critic.quorum", "at most 1"],
    ["critics: [{name: a, backend: codex}]\n  rubric: x\n  rubricFile: y", "critic.rubricFile", "either `rubric` or `rubricFile`"],
    ["critics: [{name: a, backend: codex}]\n  rubricFile: ../y", "critic.rubricFile", "below the root"],
    ["critics: [{name: a, backend: codex}]\n  level: strict", "critic.level", "required"],
  ])("says what is wrong with the critic %s", (text, key, expected) => {
    const { code, details, message } = refusal(`critic:\n  ${text}\n`);
    expect([code, details["key"]]).toEqual(["INVALID_CONFIG", key]);
    expect(message).toContain(expected);
  });

  it("names line, column, key, value and what was expected", () => {
    const error = refusal("gates:\n  - name: test\n    run: npm test\n    timeoutSeconds: soon\n");
    expect(error.code).toBe("INVALID_CONFIG");
    expect(error.details).toMatchObject({ file: ".slipway.yaml", line: 4, column: 21, key: "gates[0].timeoutSeconds", value: '"soon"', expected: "a number" });
    expect(error.message).toBe('.slipway.yaml:4:21: gates[0].timeoutSeconds: expected a number; found "soon".');
  });

  it.each([
    [
      "gate:\n  - x\n",
      {
        line: 1,
        column: 1,
        key: "gate",
        expected:
          "one of version, backend, needs, fallbacks, timeoutSeconds, stallSeconds, budget, setup, egress, gates, baseline, repairs, prompts, mcpServers, documents, checks, critic, landing, scope, and no other key (did you mean gates?)",
        suggestion: "gates",
      },
    ],
    ["setup:\n  command: npm ci\n", { line: 2, column: 3, key: "setup.command", suggestion: "setup.commands" }],
    ["gates:\n  - {name: a, run: x, timeout_seconds: 5}\n", { line: 2, key: "gates[0].timeout_seconds", suggestion: "gates[0].timeoutSeconds" }],
    ["setup:\n  outputs: [../x]\n", { line: 2, key: "setup.outputs[0]", value: '"../x"', expected: expect.stringContaining("a path or glob below the root") }],
    ["setup: {outputs: [.git/hooks]}\n", { key: "setup.outputs[0]" }],
    ["setup: {outputs: [node_modules/]}\n", { key: "setup.outputs[0]" }],
    ["setup:\n  inputs: [lock]\n", { line: 2, key: "setup.inputs", expected: expect.stringContaining("`outputs` beside `inputs`") }],
    ["deny: [a]\n", { key: "deny", suggestion: "scope.deny" }],
    [
      "colour: red\n",
      {
        key: "colour",
        expected:
          "one of version, backend, needs, fallbacks, timeoutSeconds, stallSeconds, budget, setup, egress, gates, baseline, repairs, prompts, mcpServers, documents, checks, critic, landing, scope, and no other key",
      },
    ],
    ["budget: {usd: 0}\n", { line: 1, column: 15, key: "budget.usd", expected: "more than 0" }],
    ["gates:\n  - name: a\n", { line: 2, column: 5, key: "gates[0].run", value: null, expected: "a text" }],
    ["landing: {revision: 1}\n", { line: 1, key: "landing.revision", suggestion: "landing.revisions" }],
    ["landing:\n  revisions: 11\n", { line: 2, column: 14, key: "landing.revisions", value: "11", expected: "at most 10" }],
    ["repairs: 11\n", { line: 1, column: 10, key: "repairs", value: "11", expected: "at most 10" }],
    ["setup:\n  network: wifi\n", { line: 2, column: 12, key: "setup.network", expected: '"none" or "host"' }],
    ["gates:\n  - {name: a, run: x, needs: [b]}\n", { line: 2, key: "gates[0].needs[0]", expected: expect.stringContaining("the name of another gate: a") }],
    [
      "gates:\n  - {name: a, run: x}\nchecks: {proofGates: [b]}\n",
      { line: 3, key: "checks.proofGates[0]", expected: expect.stringContaining("the name of a gate: a") },
    ],
    [
      "gates:\n  - {name: a, run: x, coverage: ../lcov.info}\n",
      { line: 2, key: "gates[0].coverage", expected: expect.stringContaining("a file below the root of the repository") },
    ],
    [
      "gates:\n  - {name: a, run: x, needs: [b]}\n  - {name: b, run: x, needs: [a]}\n",
      { line: 2, key: "gates[0].needs", expected: expect.stringContaining("gates that do not need a themselves") },
    ],
    ["gates: [{name: a, run: x, cwd: ../b}]\n", { key: "gates[0].cwd", expected: expect.stringContaining("a folder below the root") }],
    ["gates: [{name: a, run: x, env: {SLIPWAY_JOB: x}}]\n", { expected: expect.stringContaining("none that begins with SLIPWAY_") }],
    ["gates:\n  - {name: a, run: x}\n  - {name: a, run: y}\n", { key: "gates", expected: "gate names must differ" }],
    [
      "mcpServers:\n  x: {command: x, secrets: {A: MCP_A}}\n",
      { line: 2, key: "mcpServers.x", expected: expect.stringContaining("no secrets in a repository's file") },
    ],
    ["landing: {train: {parallel: 17}}\n", { line: 1, key: "landing.train.parallel", value: "17" }],
    ["landing: {style: octopus}\n", { line: 1, key: "landing.style", expected: expect.stringContaining("squash") }],
    ["- a\n- b\n", { line: 1, column: 1, key: "", expected: "a mapping of keys to values" }],
    ["a: [1\nb: 2\n", { key: "" }],
    ["gates: []\ngates: []\n", { line: 2 }],
  ])("refuses %j", (text, details) => {
    expect(refusal(text).details).toMatchObject(details);
  });

  it("refuses aliases that unfold without end", () => {
    const bomb = [
      "a: &a [x,x,x,x,x,x,x,x,x,x]",
      ...Array.from("bcdefgh", (key, index) => `${key}: &${key} [${Array(10).fill(`*${"abcdefgh"[index]}`).join(",")}]`),
    ].join("\n");
    expect(refusal(bomb).code).toBe("INVALID_CONFIG");
  });
});
