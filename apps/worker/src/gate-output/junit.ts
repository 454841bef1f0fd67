import { XMLParser } from "fast-xml-parser";
import { bounded, failureFromBlock, messageOf } from "./failure-block.ts";
import { placeOf } from "./frames.ts";
import { FAILURES_KEPT, LINE_LIMIT_CHARACTERS, NAME_SEPARATOR, NAMES_KEPT, type OutputParser, type TestFailure } from "./run-summary.ts";

/** Of longer reports the rest is not read: an XML document has no end that could be read alone. */
const XML_LIMIT_CHARACTERS = 8 * 1_048_576;
const DOCUMENTS = 50;
const PYTHON_PLACE = /^([^\s:]{1,300}\.py:\d{1,9}): /;
const NODES = 200_000;
const LISTS: ReadonlySet<string> = new Set(["testsuite", "testcase", "failure", "error", "skipped"]);

type Node = Readonly<Record<string, unknown>>;

/** JUnit's XML, in a file or printed among other output. */
export const junit: OutputParser = {
  runner: "JUnit XML",
  isIn: (text) => text.includes("<testsuite"),
  parse({ text }) {
    const documents = documentsIn(text.slice(0, XML_LIMIT_CHARACTERS));
    const cases = documents.flatMap((xml) => casesOf(xml));
    if (cases.length === 0) return undefined;
    const failed = cases.filter(({ node }) => isBad(node));
    const skipped = cases.filter(({ node }) => !isBad(node) && node.skipped !== undefined);
    const passed = cases.filter(({ node }) => !isBad(node) && node.skipped === undefined);
    return {
      passed: passed.length,
      failed: failed.length,
      skipped: skipped.length,
      failures: failed.slice(0, FAILURES_KEPT).map(failureOf),
      passedNames: passed.slice(0, NAMES_KEPT).map(nameOf),
    };
  },
};

interface Case {
  readonly node: Node;
  readonly suiteFile: string | undefined;
}

/** The documents that a text holds: from `<testsuites` or `<testsuite` to its end. */
function documentsIn(text: string): string[] {
  const found: string[] = [];
  for (let at = 0; found.length < DOCUMENTS; ) {
    const begin = text.slice(at).search(/<testsuites?[\s>]/);
    if (begin < 0) break;
    const from = at + begin;
    const tag = text.startsWith("<testsuites", from) ? "</testsuites>" : "</testsuite>";
    const end = tag === "</testsuites>" ? text.indexOf(tag, from) : endOfSuites(text, from);
    if (end < 0) break;
    at = end + tag.length;
    found.push(text.slice(from, at));
  }
  return found;
}

/** A document may be a single suite; several in a row are read as one each. */
function endOfSuites(text: string, from: number): number {
  const pattern = /<testsuite[\s>]|<\/testsuite>/g;
  pattern.lastIndex = from;
  let depth = 0;
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
    depth += match[0] === "</testsuite>" ? -1 : 1;
    if (depth === 0) return match.index;
  }
  return -1;
}

function casesOf(xml: string): Case[] {
  let root: unknown;
  try {
    // No entity of the document's own is replaced: there is no document type in what is cut out of the text.
    root = new XMLParser({
      ignoreAttributes: false,
      attributeNamePrefix: "@",
      textNodeName: "#text",
      parseTagValue: false,
      htmlEntities: true,
      parseAttributeValue: false,
      isArray: (name) => LISTS.has(name),
    }).parse(xml);
  } catch {
    // Not XML, or hostile: whoever reads the output finds no run in it.
    return [];
  }
  const cases: Case[] = [];
  const open: Array<{ node: Node; suiteFile: string | undefined }> = [{ node: root as Node, suiteFile: undefined }];
  for (let read = 0; open.length > 0 && read < NODES; read += 1) {
    const { node, suiteFile } = open.pop() as { node: Node; suiteFile: string | undefined };
    const file = textOf(node["@file"]) ?? suiteFile;
    cases.push(...nodesOf(node.testcase).map((one) => ({ node: one, suiteFile: file })));
    const below = [...(isNode(node.testsuites) ? [node.testsuites] : []), ...nodesOf(node.testsuite)];
    for (const next of below.reverse()) open.push({ node: next, suiteFile: file });
  }
  return cases;
}

function failureOf({ node, suiteFile }: Case): TestFailure {
  const told = listOf(node.failure)[0] ?? listOf(node.error)[0];
  const words = isNode(told) ? textOf(told["@message"]) : undefined;
  const body = isNode(told) ? textOf(told["#text"]) : textOf(told);
  const file = textOf(node["@file"]) ?? suiteFile;
  const line = Number(textOf(node["@line"]));
  const lines = (body ?? "").split("\n");
  const at = file === undefined ? pythonPlace(lines) : { file, ...(Number.isSafeInteger(line) ? { line } : {}) };
  const failure = failureFromBlock(nameOf({ node, suiteFile }), lines, at);
  return bounded({ ...failure, message: words === undefined ? failure.message : messageOf(words.split("\n")) });
}

/** pytest's body ends with the place. */
function pythonPlace(lines: readonly string[]): { file: string; line: number } | undefined {
  const last = lines.findLast((line) => PYTHON_PLACE.test(line.slice(0, LINE_LIMIT_CHARACTERS)));
  return last === undefined ? undefined : placeOf(PYTHON_PLACE.exec(last)?.[1] ?? "");
}

function nameOf({ node }: Case): string {
  const [suite, name] = [textOf(node["@classname"]), textOf(node["@name"]) ?? ""];
  return suite && !name.startsWith(suite) ? `${suite}${NAME_SEPARATOR}${name}` : name;
}

function isBad(node: Node): boolean {
  return node.failure !== undefined || node.error !== undefined;
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : value === undefined ? [] : [value];
}

function nodesOf(value: unknown): Node[] {
  return listOf(value).filter(isNode);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
