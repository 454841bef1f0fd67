import { readFileAt } from "@slipway/git/hub";
import { SlipwayError } from "@slipway/protocol/errors";
import { REPOSITORY_CONFIG_FILE, type RepositoryConfig, repositoryConfigSchema } from "@slipway/protocol/repository-config";
import type { Document, Node, Pair } from "yaml";
import { isMap, isScalar, LineCounter, parseDocument } from "yaml";
import type { z } from "zod";

/** Configurations remembered; a commit's never changes. */
const LIMIT = 200;
const known = new Map<string, RepositoryConfig>();

/** `.slipway.yaml` at a commit of the hub, with its defaults where the file is missing. INVALID_CONFIG names file, line, column and key. */
export async function readRepositoryConfig(hubRoot: string, oid: string): Promise<RepositoryConfig> {
  const key = `${hubRoot}:${oid}`;
  const remembered = known.get(key);
  if (remembered) return remembered;
  const bytes = await readFileAt(hubRoot, oid, REPOSITORY_CONFIG_FILE);
  const config = bytes === null ? repositoryConfigSchema.parse({}) : parseRepositoryConfig(bytes.toString("utf8"));
  if (known.size >= LIMIT) known.clear();
  known.set(key, config);
  return config;
}

/** Parses the text of a `.slipway.yaml`. */
export function parseRepositoryConfig(text: string): RepositoryConfig {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [error] = document.errors;
  if (error) {
    const { line, col } = lines.linePos(error.pos[0]);
    throw invalidConfig({ line, column: col, key: "", expected: `YAML that can be read: ${error.message}` });
  }
  const result = repositoryConfigSchema.safeParse(toPlain(document) ?? {});
  if (result.success) return result.data;
  throw invalidConfig(...result.error.issues.slice(0, 20).map((issue) => locate(issue, document, lines)));
}

/** The document as plain values. Aliases that point nowhere, or that multiply, are no configuration. */
function toPlain(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: 50 });
  } catch (error) {
    throw invalidConfig({ line: 1, column: 1, key: "", expected: `YAML that can be read: ${error instanceof Error ? error.message : String(error)}` });
  }
}

interface Problem {
  readonly line: number;
  readonly column: number;
  readonly key: string;
  readonly expected: string;
}

function invalidConfig(...problems: Problem[]): SlipwayError {
  const [first] = problems;
  const where = first ? `${REPOSITORY_CONFIG_FILE}:${first.line}:${first.column}: ${first.key ? `${first.key}: ` : ""}${first.expected}.` : undefined;
  return new SlipwayError("INVALID_CONFIG", where, { file: REPOSITORY_CONFIG_FILE, ...first, problems });
}

function locate(issue: z.core.$ZodIssue, document: Document, lines: LineCounter): Problem {
  const path = issue.code === "unrecognized_keys" ? [...issue.path, issue.keys[0] ?? ""] : issue.path;
  const { line, col } = lines.linePos(offsetOf(document, path));
  const expected = issue.code === "unrecognized_keys" ? "no such key exists here" : issue.message.replace(/^Invalid input: /, "").replace(/\.$/, "");
  return { line, column: col, key: path.map(String).join("."), expected };
}

/** Where the key of this path stands in the text, or the nearest thing above it that is there. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  let node: unknown = document.contents;
  let offset = 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair: Pair | undefined = node.items.find(({ key }) => isScalar(key) && key.value === step);
      if (!pair) break;
      offset = (pair.key as Node).range?.[0] ?? offset;
      node = pair.value;
    } else {
      node = (node as { get?: (key: unknown, keepScalar: boolean) => unknown } | null)?.get?.(step, true);
      offset = (node as Node | undefined)?.range?.[0] ?? offset;
    }
  }
  return offset;
}
