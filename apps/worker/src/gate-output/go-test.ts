import { bounded } from "./failure-block.ts";
import { frameOf } from "./frames.ts";
import { FAILURES_KEPT, NAMES_KEPT, type OutputParser, type RunOutput, type TestFailure } from "./run-summary.ts";

const RUN = /^\s*=== (?:RUN|CONT|NAME|PAUSE)\s{1,3}(\S{1,500})$/;
const RESULT = /^\s*--- (FAIL|PASS|SKIP): (\S{1,500}) \(\d{1,9}(?:\.\d{1,9})?s\)$/;
const PACKAGE = /^(?:(ok) {2}|(FAIL))\t(\S{1,500})(?:[\t ]+(.{1,200}))?$/;
const BUILD_OF = /^# (\S{1,500})/;
const SAID = /^\s+(\S{1,200}\.go):(\d{1,9}): (.{0,1000})$/;
const COMPILER = /^(?:\.\/|vet: )?(\S{1,300}\.go):(\d{1,9}):(?:\d{1,9}:)? (.{1,1000})$/;
const BEGINS_WITH = /^(?:panic|fatal error): /;
const MESSAGE_LINES = 12;
const TESTS_KEPT = 20_000;

interface Told {
  outcome: "FAIL" | "PASS" | "SKIP" | undefined;
  readonly message: string[];
  readonly stack: string[];
  place: { file: string; line: number } | undefined;
}

/** `go test`, with `-v` or without, and `go test -json` (`cmd/test2json`). */
export const goTest: OutputParser = {
  runner: "go test",
  isIn: (text) => text.includes("--- ") || text.includes("FAIL\t") || text.includes("ok  \t") || text.includes('"Action":"'),
  parse(output) {
    const tests = new Map<string, Told>();
    const packages = { failed: 0, known: 0 };
    const build = new Map<string, Told>();
    let current: Told | undefined;
    const take = (name: string): Told => {
      const known = tests.get(name) ?? newTold();
      if (tests.size < TESTS_KEPT) tests.set(name, known);
      return known;
    };
    for (const line of goLines(output)) {
      const result = RESULT.exec(line);
      const run = RUN.exec(line)?.[1];
      const ended = PACKAGE.exec(line);
      const building = BUILD_OF.exec(line)?.[1];
      if (result?.[2]) {
        current = take(result[2]);
        current.outcome = result[1] as Told["outcome"];
      } else if (run !== undefined) current = take(run);
      else if (ended) {
        packages.known += 1;
        if (ended[2]) packages.failed += 1;
        if (ended[2] && /\[(?:build|setup) failed\]/.test(ended[4] ?? "")) {
          const name = `${ended[3]} ${ended[4]}`;
          tests.set(name, { ...(build.get(ended[3] ?? "") ?? newTold()), outcome: "FAIL" });
        }
        current = undefined;
      } else if (building !== undefined) {
        current = newTold();
        if (build.size < FAILURES_KEPT) build.set(building, current);
      } else if (current) readInto(current, line);
    }
    const leaves = leavesOf(tests);
    const failing = leaves.filter(([, { outcome }]) => outcome === "FAIL");
    if (packages.known === 0 && failing.length === 0 && !leaves.some(([, { outcome }]) => outcome)) return undefined;
    const passed = leaves.filter(([, { outcome }]) => outcome === "PASS").map(([name]) => name);
    return {
      // Without -v only what fails is named.
      passed: passed.length > 0 ? passed.length : undefined,
      failed: Math.max(failing.length, packages.failed > 0 ? 1 : 0),
      skipped: leaves.filter(([, { outcome }]) => outcome === "SKIP").length,
      failures: failing.slice(0, FAILURES_KEPT).map(failureOf),
      passedNames: passed.slice(0, NAMES_KEPT),
    };
  },
};

function newTold(): Told {
  return { outcome: undefined, message: [], stack: [], place: undefined };
}

function readInto(told: Told, line: string): void {
  const said = SAID.exec(line) ?? COMPILER.exec(line);
  const frame = frameOf(line);
  if (frame?.isOurs) {
    told.place ??= { file: frame.file, line: frame.line };
    if (told.stack.length < 10) told.stack.push(`${frame.file}:${frame.line}`);
  } else if (said?.[1]) {
    told.place ??= { file: said[1], line: Number(said[2]) };
    if (told.message.length < MESSAGE_LINES) told.message.push(said[3] ?? "");
  } else if (BEGINS_WITH.test(line) || (told.message.length > 0 && /^\s{8,}\S/.test(line) && !frame)) {
    if (told.message.length < MESSAGE_LINES) told.message.push(line.trim());
  }
}

/** A test with subtests fails as they do, and says nothing more. */
function leavesOf(tests: ReadonlyMap<string, Told>): Array<[string, Told]> {
  const parents = new Set<string>();
  for (const name of tests.keys()) {
    for (let at = name.lastIndexOf("/"); at > 0; at = name.lastIndexOf("/", at - 1)) {
      const parent = name.slice(0, at);
      if (parents.has(parent)) break;
      parents.add(parent);
    }
  }
  return [...tests].filter(([name, { message }]) => !parents.has(name) || message.length > 0);
}

function failureOf([name, { message, stack, place }]: readonly [string, Told]): TestFailure {
  return bounded({ name, ...place, message: message.join("\n"), stack });
}

/** The lines that `go test -json` has in its events, or the output's own. */
function goLines({ text, lines }: RunOutput): readonly string[] {
  if (!lines.some((line) => line.startsWith('{"') && line.includes('"Action":"'))) return lines;
  return text.split("\n").flatMap((line) => (line.startsWith('{"') && line.length < 65_536 ? (printed(line) ?? []) : []));
}

function printed(line: string): string | undefined {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch {
    // Cut off, or another program's line.
    return undefined;
  }
  const { Action: action, Output: output } = event as { Action?: unknown; Output?: unknown };
  if ((action !== "output" && action !== "build-output") || typeof output !== "string") return undefined;
  return output.replace(/\n$/, "").slice(0, 2_000);
}
