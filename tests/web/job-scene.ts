/** A repository whose gate says in colour what is wrong with a sum, and scripts for its jobs. */

export const FILES = {
  ".slipway.yaml": "setup:\n  commands: [echo prepared]\n  network: none\ngates:\n  - { name: sums, run: sh check.sh }\n  - { name: style, run: echo tidy }\n",
  "check.sh": [
    'printf "\\033[1mchecking sums\\033[0m\\n"',
    'printf "10 %%\\r50 %%\\r100 %%\\n"',
    "if grep -qx 3 total.txt; then printf '\\033[32m✓ the total is 3\\033[0m\\n'; else",
    "  printf '\\033[31m✗ the total is %s, expected 3\\033[0m\\n' \"$(cat total.txt)\"; exit 1; fi",
    "",
  ].join("\n"),
  "total.txt": "0\n",
};

const PLAN = [{ text: "Look at the total", status: "done" }, { text: "Write the **right** one", status: "active" }, { text: "Run the check" }];

const MARKDOWN = [
  "I looked at `total.txt` and will write the total:",
  "",
  "- the file has **one** line",
  "- [the rules](https://rules.example/sums) say 3",
  '- [not this](javascript:alert(1)) <img src=x onerror="globalThis.hacked=1">',
  "",
  "![a chart](https://chart.example/x.png)",
].join("\n");

/** Writes a wrong total, is told so by the gate, and mends it. */
export const REPAIRED = [
  [
    { print: { text: "The check wants three.\nI begin with two.", role: "reasoning" } },
    { plan: PLAN },
    { print: MARKDOWN },
    { write: { path: "total.txt", content: "2\n" } },
    { shell: "cat total.txt; echo on stderr >&2" },
    { usage: { inputTokens: 18_200, cachedInputTokens: 9_000, outputTokens: 1_150, costUsd: 0.084 } },
  ],
  [{ print: "The gate said no: the total is 3." }, { write: { path: "total.txt", content: "3\n" } }],
];

/** Never gets it right. */
export const RED = [[{ print: "Five it is." }, { write: { path: "total.txt", content: "5\n" } }], [{ print: "I think that five is right." }]];

/** Works until somebody tells it something, and then until it is ended. */
export const WAITS = [
  [{ print: "I am at work." }, { log: { text: "first line\n" } }, { waitForMessage: true }, { log: { text: "second line\n" } }, { hang: true }],
];
