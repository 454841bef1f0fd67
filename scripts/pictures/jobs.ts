import type { SubmitJobInput } from "@slipway/protocol/job";
import type { JobState } from "@slipway/protocol/states";

/** What stands on the pictures: jobs that really run, by scripts in place of models. */

/** The repository of the pictures: a small library with a test gate and a linter of one line. */
export const FILES: Readonly<Record<string, string>> = {
  "README.md": "# harbour\n\nA small library for the pictures of Slipway's documentation.\n",
  "package.json": `${JSON.stringify({ name: "harbour", version: "1.0.0", private: true, type: "module" }, null, 2)}\n`,
  ".slipway.yaml": [
    "version: 1",
    "gates:",
    "  - { name: lint, run: \"! grep -rnE 'console\\\\.log|debugger' src\" }",
    "  - { name: test, run: node --test }",
    "repairs: 3",
    "scope:",
    '  deny: [".github/**", "package.json"]',
    "",
  ].join("\n"),
  "src/berth.js":
    "export function berth(ships, length) {\n  const free = ships.filter((ship) => ship.length <= length);\n  return free[0];\n}\n\nexport function total(ships) {\n  let sum = 0;\n  for (const ship of ships) sum += ship.tonnage;\n  return sum;\n}\n",
  "test/berth.test.js":
    'import assert from "node:assert/strict";\nimport { test } from "node:test";\nimport { berth, total } from "../src/berth.js";\n\ntest("takes a ship that fits", () => {\n  assert.deepEqual(berth([{ length: 9 }], 10), { length: 9 });\n});\n\ntest("adds the tonnage up", () => {\n  assert.equal(total([{ tonnage: 2 }, { tonnage: 3 }]), 5);\n});\n',
};

type Steps = ReadonlyArray<Record<string, unknown>>;

/** A job of the pictures, and the state to wait for before they are taken. */
export interface PictureJob {
  readonly title: string;
  readonly more: Partial<SubmitJobInput>;
  readonly turns: readonly Steps[];
  readonly until: JobState;
}

const LONGEST = `export function berth(ships, length) {
  if (length <= 0) throw new RangeError("a berth has a length");
  const free = ships.filter((ship) => ship.length <= length);
  return free.sort((a, b) => b.length - a.length)[0];
}

export function total(ships) {
  let sum = 0;
  for (const ship of ships) sum += ship.tonnage;
  return sum;
}
`;
const LONGEST_TEST = `import assert from "node:assert/strict";
import { test } from "node:test";
import { berth, total } from "../src/berth.js";

test("takes a ship that fits", () => {
  assert.deepEqual(berth([{ length: 9 }], 10), { length: 9 });
});

test("takes the longest ship that fits", () => {
  assert.deepEqual(berth([{ length: 4 }, { length: 9 }, { length: 12 }], 10), { length: 9 });
});

test("refuses a berth without a length", () => {
  assert.throws(() => berth([], 0), RangeError);
});

test("adds the tonnage up", () => {
  assert.equal(total([{ tonnage: 2 }, { tonnage: 3 }]), 5);
});
`;

/** The job whose page is on the pictures: repaired once, then landed. */
export const REPAIRED: PictureJob = {
  title: "Give the berth to the longest ship that fits",
  more: { task: "Give the berth to the longest ship that fits\n\nA berth of no length is a RangeError. Add tests for both.", priority: 5 },
  turns: [
    [
      { print: "I look at `berth` first: it takes the first ship that fits, whatever its length." },
      { plan: [{ text: "Sort by length", status: "active" }, { text: "Refuse a berth without a length" }, { text: "Tests for both" }] },
      { shell: "cat src/berth.js" },
      { write: { path: "src/berth.js", content: LONGEST.replace('  if (length <= 0) throw new RangeError("a berth has a length");\n', "") } },
      { write: { path: "test/berth.test.js", content: LONGEST_TEST } },
      { usage: { inputTokens: 18_420, cachedInputTokens: 9_100, outputTokens: 1_240, costUsd: 0.041 } },
      { print: "The berth goes to the **longest** ship that fits now, with tests." },
    ],
    [
      { print: "The test for a berth without a length is right: nothing refused it. I mend that." },
      { write: { path: "src/berth.js", content: LONGEST } },
      { shell: "node --test 2>&1 | tail -8" },
      { usage: { inputTokens: 24_310, cachedInputTokens: 17_800, outputTokens: 620, costUsd: 0.028 } },
      { print: "`berth` throws a RangeError for a length of zero or less. All tests pass." },
    ],
  ],
  until: "done",
};

/** All of them, in the order in which they are submitted. */
export const JOBS: readonly PictureJob[] = [
  REPAIRED,
  {
    title: "Document the library",
    more: { task: "Document the library" },
    turns: [
      [
        { append: { path: "README.md", content: "\n## Use\n\n`berth(ships, length)` picks the ship for a berth; `total(ships)` adds their tonnage up.\n" } },
        { usage: { inputTokens: 6_200, outputTokens: 310, costUsd: 0.009 } },
        { print: "The README says what both functions do." },
      ],
    ],
    until: "done",
  },
  {
    title: "Speed the pipeline up",
    more: { task: "Speed the pipeline up" },
    turns: [[{ write: { path: ".github/workflows/ci.yml", content: "on: push\njobs: {}\n" } }, { print: "The pipeline does nothing now, and that quickly." }]],
    until: "failed",
  },
  {
    title: "Translate the messages",
    more: { task: "Translate the messages" },
    turns: [
      [{ print: "I ask the model for the first file." }, { fail: { code: "BACKEND_AUTH", message: "The model's vendor refuses the key: it was revoked." } }],
    ],
    until: "blocked",
  },
  {
    title: "Round the tonnage as the customs office does",
    more: { task: "Round the tonnage as the customs office does", lane: "interactive" },
    turns: [
      [
        { print: "I read what the customs office says about halves." },
        { shell: "for n in 1 2 3 4 5 6; do printf '\\033[32m✓\\033[0m case %s\\n' $n; done" },
        { usage: { inputTokens: 9_800, outputTokens: 420, costUsd: 0.016 } },
        { hang: { heartbeatMs: 5_000 } },
      ],
    ],
    until: "running",
  },
  {
    title: "Publish the next version",
    more: { task: "Publish the next version", lane: "background", requires: ["publisher"] },
    turns: [[{ print: "Published." }]],
    until: "queued",
  },
];
