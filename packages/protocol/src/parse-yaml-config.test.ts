import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SlipwayError } from "./errors.ts";
import { parseGatewayConfig } from "./parse-gateway-config.ts";
import { parseInstallationConfig } from "./parse-installation-config.ts";
import { parseRepositoryConfig } from "./parse-repository-config.ts";

/** A whole file of each kind, whose texts are then broken. */
const FILES = [
  [
    "slipway.yaml",
    parseInstallationConfig,
    'version: 1\nlogLevel: debug\nserver:\n  port: 4750\n  allowedOrigins: ["http://a.example"]\nworker: {slots: 2, sandbox: bwrap, memoryLimit: 4g}\njobs:\n  lane: normal\n  budget: &b\n    usd: 2.5\n',
  ],
  [
    "gateway.yaml",
    parseGatewayConfig,
    "providers:\n  own:\n    baseUrl: https://models.example/v1\n    key: OWN_KEY\n    models:\n      - 'a-*'\nprices:\n  a-1: {input: 1, output: 2.5}\n",
  ],
  [
    ".slipway.yaml",
    parseRepositoryConfig,
    "version: 1\nsetup:\n  commands: [npm ci]\ngates:\n  - name: test\n    run: |\n      npm test\n      npm run e2e\n    timeoutSeconds: 60\nscope:\n  deny: ['.github/**']\n",
  ],
] as const;

/** Pieces that mean something in YAML, or to the code that reads it. */
const PIECES = [
  ...[
    "\n",
    "\r\n",
    "\r",
    "\t",
    "  ",
    ":",
    ": ",
    "- ",
    "? ",
    "[",
    "]",
    "{",
    "}",
    ",",
    "&a ",
    "*a",
    "<<: *a",
    "!!binary ",
    "!x ",
    "|\n",
    ">-\n",
    "#",
    "---\n",
    "...\n",
  ],
  ...['"', "'", "%YAML 1.2\n", "\u{feff}", "\u2028", "\0", "é", "🚢", "null", "~", "1e999", "-1", "0x1f", ".nan", "true"],
  ...["__proto__: {a: 1}\n", "constructor: 1\n", "toString: x\n", "gate:\n", "port: 1\n", "[[[[[[[[", "{{{{"],
];

const placed = fc.tuple(fc.nat(400), fc.nat(20), fc.constantFrom(...PIECES));
/** A good text with some pieces put into it or in place of parts of it. */
function mutated(text: string): fc.Arbitrary<string> {
  return fc
    .array(placed, { minLength: 1, maxLength: 4 })
    .map((edits) =>
      edits.reduce((at, [start, length, piece]) => at.slice(0, start % (at.length + 1)) + piece + at.slice((start % (at.length + 1)) + length), text),
    );
}

const random = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.json(),
  fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }).map((pieces) => pieces.join("")),
);

/** Every text ends in a configuration, or in INVALID_CONFIG each of whose problems has a place that the text has. */
function judge(parse: (text: string) => unknown, file: string, text: string): void {
  try {
    expect(parse(text)).toBeTypeOf("object");
  } catch (error) {
    if (!(error instanceof SlipwayError)) throw error;
    expect(error.code).toBe("INVALID_CONFIG");
    const problems = error.details["problems"] as ReadonlyArray<{ file: string; line: number; column: number; expected: string }>;
    expect(problems.length).toBeGreaterThan(0);
    const lines = text.split("\n");
    for (const problem of [error.details as unknown as (typeof problems)[number], ...problems]) {
      expect(problem.file).toBe(file);
      expect(problem.line).toBeGreaterThanOrEqual(1);
      expect(problem.line).toBeLessThanOrEqual(lines.length);
      expect(problem.column).toBeGreaterThanOrEqual(1);
      // One past the last character is where what is missing should stand.
      expect(problem.column).toBeLessThanOrEqual((lines[problem.line - 1] ?? "").length + 1);
      expect(problem.expected.length).toBeGreaterThan(0);
    }
    expect(error.message).toMatch(new RegExp(`^${file.replaceAll(".", "\\.")}:\\d+:\\d+: `));
  }
}

describe.each(FILES)("any text as %s", (file, parse, whole) => {
  it("is a good one where nothing is broken", () => {
    expect(() => parse(whole)).not.toThrow();
  });

  it("ends well when it is random", () => {
    fc.assert(
      fc.property(random, (text) => judge(parse, file, text)),
      { numRuns: 400 },
    );
  });

  it("ends well when a good one is broken", () => {
    fc.assert(
      fc.property(mutated(whole), (text) => judge(parse, file, text)),
      { numRuns: 600 },
    );
  });

  it("ends well when it nests without end", () => {
    for (const text of [
      "[".repeat(100_000),
      "{a: ".repeat(50_000),
      "- ".repeat(50_000),
      `a: ${"!x ".repeat(1_000)}`,
      `${"[".repeat(10_000)}${"]".repeat(10_000)}`,
    ])
      judge(parse, file, text);
  });
});
