import { lcovParser } from "@friedemannsommer/lcov-parser/sync";
import type { LineCoverage } from "@slipway/protocol/events";
import { XMLParser } from "fast-xml-parser";

/** How often each line of each file ran, as a report says; paths as it has them. */
export type LineHits = ReadonlyMap<string, ReadonlyMap<number, number>>;

/** Larger ones are not read. */
export const COVERAGE_LIMIT_BYTES = 8 * 1_048_576;
const NODES = 1_000_000;

type Node = Readonly<Record<string, unknown>>;

/** Reads an lcov or a Cobertura report; undefined where it is neither. */
export function readCoverage(report: Uint8Array): LineHits | undefined {
  const text = Buffer.from(report).toString("utf8");
  const hits = /^\s*</.test(text) ? readCobertura(text) : readLcov(text);
  return hits.size === 0 ? undefined : hits;
}

/** How many of all lines that a report tells of were run. */
export function totalsOf(hits: LineHits): LineCoverage {
  let covered = 0;
  let lines = 0;
  for (const file of hits.values()) {
    lines += file.size;
    for (const count of file.values()) if (count > 0) covered += 1;
  }
  return { covered, lines };
}

function readLcov(text: string): LineHits {
  const hits = new Map<string, Map<number, number>>();
  for (const { path, lines } of lcovParser({ from: text })) {
    if (path === "") continue;
    const known = hits.get(path) ?? new Map<number, number>();
    hits.set(path, known);
    for (const { line, hit } of lines.details) add(known, line, hit);
  }
  return hits;
}

function readCobertura(text: string): LineHits {
  const hits = new Map<string, Map<number, number>>();
  let root: unknown;
  try {
    const isArray = (name: string): boolean => ["package", "class", "line", "source"].includes(name);
    // A document type of the report's own is left out: its entities could grow without end.
    const plain = text.replace(/<!DOCTYPE[^>[]{0,1000}>/, "");
    root = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: "@", parseTagValue: false, parseAttributeValue: false, isArray }).parse(plain);
  } catch {
    // Not XML, or hostile: whoever asks hears that it is no report.
    return hits;
  }
  const coverage = nodeAt(root, "coverage");
  const sources = listAt(nodeAt(coverage, "sources"), "source").filter((source): source is string => typeof source === "string");
  let read = 0;
  for (const one of listAt(nodeAt(coverage, "packages"), "package")) {
    for (const each of listAt(nodeAt(one, "classes"), "class")) {
      const name = nodeAt(each, "@filename");
      if (typeof name !== "string") continue;
      const path = name.startsWith("/") || !sources[0]?.startsWith("/") ? name : `${sources[0].replace(/\/+$/, "")}/${name}`;
      const known = hits.get(path) ?? new Map<number, number>();
      hits.set(path, known);
      for (const line of listAt(nodeAt(each, "lines"), "line")) {
        read += 1;
        if (read > NODES) return hits;
        add(known, Number(nodeAt(line, "@number")), Number(nodeAt(line, "@hits")));
      }
    }
  }
  return hits;
}

function add(lines: Map<number, number>, line: number, hit: number): void {
  if (Number.isSafeInteger(line) && line > 0 && Number.isFinite(hit)) lines.set(line, Math.max(lines.get(line) ?? 0, hit));
}

function nodeAt(node: unknown, key: string): unknown {
  return typeof node === "object" && node !== null ? (node as Node)[key] : undefined;
}

function listAt(node: unknown, key: string): readonly unknown[] {
  const value = nodeAt(node, key);
  return Array.isArray(value) ? value : value === undefined ? [] : [value];
}
