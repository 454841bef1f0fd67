import { posix } from "node:path";
import type { FileStat } from "@slipway/git/numstat";

/** What a file is to those who read a change. */
const FILE_KINDS = ["code", "test", "docs", "other"] as const;
type FileKind = (typeof FILE_KINDS)[number];

const DOCS = /(^|\/)(docs?|documentation)\/|\.(md|mdx|rst|adoc|txt)$|(^|\/)(README|LICENSE|CHANGELOG|AUTHORS)[^/]*$/i;
const OTHER = /(^|\/)([^/]*-lock\.(json|yaml)|[^/]*\.lock|go\.sum)$|\.(json|ya?ml|toml|ini|cfg|csv|svg|xml)$/i;

/** What a file is, by its path alone; tests are where the repository says that they are. */
export function fileKind(path: string, testPaths: readonly string[], isBinary: boolean): FileKind {
  // The globs of node:path leave out what begins with a dot, and a dot file is a file like any other.
  const plain = path.replace(/(^|\/)\.+/g, "$1");
  if (testPaths.some((glob) => posix.matchesGlob(plain, glob))) return "test";
  if (DOCS.test(path)) return "docs";
  return isBinary || OTHER.test(path) ? "other" : "code";
}

/** Files with their kinds, and what they add up to by kind. */
export function fileMetrics(files: readonly FileStat[], testPaths: readonly string[]) {
  const all = files.map((file) => ({ ...file, kind: fileKind(file.path, testPaths, file.added === null) }));
  const totals = FILE_KINDS.map((kind) => {
    const ofKind = all.filter((file) => file.kind === kind);
    const sum = (key: "added" | "removed"): number => ofKind.reduce((total, file) => total + (file[key] ?? 0), 0);
    return [kind, { files: ofKind.length, added: sum("added"), removed: sum("removed") }] as const;
  });
  return { files: all, totals: Object.fromEntries(totals) as Record<FileKind, { files: number; added: number; removed: number }> };
}
