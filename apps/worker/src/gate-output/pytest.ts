import { bounded } from "./failure-block.ts";
import { frameOf, placeOf } from "./frames.ts";
import { FAILURES_KEPT, NAMES_KEPT, type OutputParser, type TestFailure } from "./run-summary.ts";

const TOTAL = /^(?:=+ )?((?:\d{1,9} [a-z]+(?:, )?){1,12}) in \d{1,9}(?:\.\d{1,9})?s(?: \([\d:]+\))?(?: =+)?$/;
const PART = /(\d{1,9}) (failed|passed|skipped|errors?|xfailed|xpassed|deselected)/g;
const SUMMARY = /^(?:FAILED|ERROR) (\S.{0,600}?)(?: - (.{0,1000}))?$/;
const SECTION = /^_{3,} (.{1,300}) _{3,}$/;
const SAID = /^E {1,12}(.*)$/;
const PLACE = /^([^\s:][^:\n]{0,300}\.py):(\d{1,9}): (\w.{0,200}|)$/;
const PASSED = /^(\S.{0,600}::\S.{0,300}?) PASSED(?:\s+\[.{0,10}\])?$/;
const COMPARED = /^assert (.{1,300}) == (.{1,300})$/;
const MESSAGE_LINES = 12;

interface Section {
  readonly said: string[];
  readonly frames: string[];
  place: { file: string; line: number } | undefined;
}

/** pytest, whatever its verbosity. */
export const pytest: OutputParser = {
  runner: "pytest",
  isIn: (text) => /\d [a-z]+ in \d{1,9}\.\d/.test(text),
  parse({ lines }) {
    const counts = new Map<string, number>();
    const sections = new Map<string, Section>();
    const failures = new Map<string, TestFailure>();
    const passedNames: string[] = [];
    let section: Section | undefined;
    for (const line of lines) {
      const total = TOTAL.exec(line);
      const header = SECTION.exec(line)?.[1];
      if (total?.[1]) {
        for (const [, count, what = ""] of total[1].matchAll(PART)) counts.set(what, (counts.get(what) ?? 0) + Number(count));
        section = undefined;
      } else if (header !== undefined) {
        section = { said: [], frames: [], place: undefined };
        if (sections.size < FAILURES_KEPT) sections.set(sectionKey(header), section);
      } else if (/^=+ .* =+$/.test(line)) section = undefined;
      else if (section) readInto(section, line);
      else if (SUMMARY.test(line)) {
        const [, id = "", words = ""] = SUMMARY.exec(line) ?? [];
        if (failures.size < FAILURES_KEPT && isTestId(id)) failures.set(id, failureOf(id, words, sections));
      } else if (PASSED.test(line) && passedNames.length < NAMES_KEPT) passedNames.push(nameOf(PASSED.exec(line)?.[1] ?? ""));
    }
    if (counts.size === 0) return undefined;
    const of = (...names: readonly string[]): number => names.reduce((sum, name) => sum + (counts.get(name) ?? 0), 0);
    // Without a summary of its own (`-rN`), what failed is named by its section alone.
    const told = failures.size > 0 ? [...failures.values()] : [...sections].map(([name, one]) => failureBy(name, undefined, "", one));
    const failed = of("failed", "error", "errors");
    return { passed: of("passed"), failed, skipped: of("skipped", "xfailed", "xpassed"), failures: failed === 0 ? [] : told, passedNames };
  },
};

/** A path of a test file, with the test behind `::` where it is one. */
function isTestId(id: string): boolean {
  return /\.py(?:::|$)/.test(id) || id.includes("::");
}

function nameOf(id: string): string {
  return id.split("::").slice(1).join(".");
}

/** Sections are titled `TestClass.test`, `ERROR at setup of test` or `ERROR collecting file`. */
function sectionKey(title: string): string {
  return title.replace(/^ERROR (?:at (?:setup|teardown) of|collecting) /, "");
}

function readInto(section: Section, line: string): void {
  const said = SAID.exec(line);
  if (said) {
    if (section.said.length < MESSAGE_LINES) section.said.push(said[1] ?? "");
    return;
  }
  const place = PLACE.exec(line);
  const at = place ? placeOf(`${place[1]}:${place[2]}`) : frameOf(line);
  if (!at || ("isOurs" in at && !at.isOurs)) return;
  section.place = { file: at.file, line: at.line };
  section.frames.unshift(`${at.file}:${at.line}`);
  section.frames.length = Math.min(section.frames.length, 20);
}

function failureOf(id: string, words: string, sections: ReadonlyMap<string, Section>): TestFailure {
  const file = id.split("::")[0];
  const name = nameOf(id) || (file ?? id);
  return failureBy(name, file, words, sections.get(name) ?? sections.get(id));
}

function failureBy(name: string, file: string | undefined, words: string, section: Section | undefined): TestFailure {
  const message = section && section.said.length > 0 ? section.said.join("\n") : words;
  const compared = COMPARED.exec(section?.said.find((line) => COMPARED.test(line)) ?? "");
  const [received, expected] = compared ? [compared[1], compared[2]] : [];
  return bounded({ name, file: file ?? section?.place?.file, line: section?.place?.line, message, expected, received, stack: section?.frames ?? [] });
}
