import fc from "fast-check";
import { expect, test } from "vitest";
import { readChanges } from "./changes.ts";

const oid = "1".repeat(40);

function raw(oldMode: string, newMode: string, status: string, path: string): string {
  return `:${oldMode} ${newMode} ${oid} ${oid} ${status}\0${path}\0`;
}

test("raw lines and counts are read together, binary files count no lines", () => {
  const output = `${raw("000000", "100644", "A", "a")}${raw("100644", "120000", "T", "b\nc")}${raw("100755", "000000", "D", "d")}1\t0\ta\0-\t-\tb\nc\x000\t7\td\0`;
  expect(readChanges(Buffer.from(output))).toEqual({
    changes: [
      { path: "a", status: "added", mode: "100644" },
      { path: "b\nc", status: "modified", mode: "120000" },
      { path: "d", status: "deleted", mode: "100755" },
    ],
    diffStat: { files: 3, insertions: 1, deletions: 7 },
  });
  expect(readChanges(Buffer.alloc(0))).toEqual({ changes: [], diffStat: { files: 0, insertions: 0, deletions: 0 } });
});

test.each([
  ["000000", "160000", "A"],
  ["160000", "160000", "M"],
  ["160000", "000000", "D"],
  ["160000", "100644", "T"],
])("a link to another repository (%s → %s) is a scope violation", (oldMode, newMode, status) => {
  expect(() => readChanges(Buffer.from(raw(oldMode, newMode, status, "sub")))).toThrow(
    expect.objectContaining({ code: "SCOPE_VIOLATION", details: { paths: ["sub"] } }),
  );
});

test("only files, executables and symlinks are taken", () => {
  for (const mode of ["040000", "100600", "100664", "000000"]) {
    expect(() => readChanges(Buffer.from(raw("000000", mode, "A", "x"))), mode).toThrow(expect.objectContaining({ code: "COMMIT_INVALID" }));
  }
});

test("no name in which any file system sees .git is taken, wherever it stands", () => {
  const git = fc
    .tuple(fc.constantFrom(".git", ".GIT", ".gIt", "git~1", ".g\u200cit"), fc.constantFrom("", ".", " ", ". .", "::$INDEX", ":x"))
    .map((parts) => parts.join(""));
  const folder = fc.constantFrom("", "a/", "a b/c/", ".github/");
  fc.assert(
    fc.property(folder, git, fc.constantFrom("", "/config"), (before, name, after) => {
      expect(() => readChanges(Buffer.from(raw("000000", "100644", "A", before + name + after)))).toThrow(expect.objectContaining({ code: "COMMIT_INVALID" }));
    }),
  );
  for (const path of [".gitignore", ".github/x", "x.git", "git", ".git2", "a/.gitkeep", "..."]) {
    expect(readChanges(Buffer.from(raw("000000", "100644", "A", path))).changes).toHaveLength(1);
  }
});
