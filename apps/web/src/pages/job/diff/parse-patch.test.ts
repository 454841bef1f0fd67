import { describe, expect, it } from "vitest";
import { parsePatch } from "./parse-patch.ts";

const HEAD = "diff --git a/a.txt b/a.txt\nindex 1111111..2222222 100644\n--- a/a.txt\n+++ b/a.txt\n";

describe("parsePatch", () => {
  it("takes lines for what their hunk's counts say, whatever stands in them", () => {
    const [file, ...rest] = parsePatch(`${HEAD}@@ -1,2 +1,4 @@ fn\n a\n--- b\n+++ c\n+diff --git a/x b/x\n+@@ -1 +1 @@\n\\ No newline at end of file\n`);
    expect(rest).toEqual([]);
    expect(file).toMatchObject({ path: "a.txt", kind: "modified", added: 3, removed: 1, lines: 5 });
    expect(file?.hunks()[0]?.changes).toMatchObject([
      { type: "normal", content: "a", oldLineNumber: 1, newLineNumber: 1 },
      { type: "delete", content: "-- b", lineNumber: 2 },
      { type: "insert", content: "++ c", lineNumber: 2 },
      { type: "insert", content: "diff --git a/x b/x", lineNumber: 3 },
      { type: "insert", content: "@@ -1 +1 @@", lineNumber: 4 },
    ]);
  });

  it("knows names with blanks, quotes and bytes beyond ASCII", () => {
    const name = '"a/n\\303\\244m\\"e\\t.txt"';
    const files = parsePatch(
      [
        `diff --git ${name} ${name.replace("a/", "b/")}`,
        ...["index 1..2 100644", `--- ${name}`, `+++ ${name.replace("a/", "b/")}`, "@@ -1 +1 @@", "-a", "+b"],
        ...["diff --git a/a b.txt b/a b.txt", "old mode 100644", "new mode 100755"],
        ...["diff --git a/x y b/x y", "new file mode 100644", "index 0..1", "--- /dev/null", "+++ b/x y\t", "@@ -0,0 +1 @@", "+x", ""],
      ].join("\n"),
    );
    expect(files.map(({ path, kind, mode }) => [path, kind, mode])).toEqual([
      ['näm"e\t.txt', "modified", null],
      ["a b.txt", "modified", "100644 → 100755"],
      ["x y", "added", null],
    ]);
  });

  it("tells renames, deletions, binaries and links", () => {
    const files = parsePatch(
      [
        ...[
          "diff --git a/old b/new",
          "similarity index 90%",
          "rename from old",
          "rename to new",
          "index 1..2 100644",
          "--- a/old",
          "+++ b/new",
          "@@ -1 +1 @@",
          "-a",
          "+b",
        ],
        ...["diff --git a/gone b/gone", "deleted file mode 100644", "index 1..0", "--- a/gone", "+++ /dev/null", "@@ -1,2 +0,0 @@", "-a", "-b"],
        ...["diff --git a/p.png b/p.png", "new file mode 100644", "index 0..1", "Binary files /dev/null and b/p.png differ"],
        ...["diff --git a/l b/l", "new file mode 120000", "index 0..1", "--- /dev/null", "+++ b/l", "@@ -0,0 +1 @@", "+a", "\\ No newline at end of file", ""],
      ].join("\n"),
    );
    expect(files.map(({ path, oldPath, kind, isBinary, special, added, removed }) => [path, oldPath, kind, isBinary, special, added, removed])).toEqual([
      ["new", "old", "renamed", false, null, 1, 1],
      ["gone", null, "deleted", false, null, 0, 2],
      ["p.png", null, "added", true, null, 0, 0],
      ["l", null, "added", false, "link", 1, 0],
    ]);
  });

  it("makes nothing of nothing", () => {
    expect(parsePatch("")).toEqual([]);
    expect(parsePatch("what is this\n")).toEqual([]);
  });
});
