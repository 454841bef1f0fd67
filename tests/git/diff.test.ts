import { chmod, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DIFF_FILE_LIMIT_BYTES, type FileDiff, readDiff } from "@slipway/git/diff";
import { expect, test } from "vitest";
import { makeHub, makeWorkspace, openWorker, takenOid, writeFiles } from "./fixture.ts";

const BASE = {
  ".gitattributes": "*.js binary -diff\n*.ts diff=odd\n",
  "a.ts": "one\ntwo\nthree\n",
  "hidden.js": "let a = 1;\n",
  "gone.txt": "x\ny\n",
  turned: "file\n",
  "tool.sh": "#!/bin/sh\n",
  "image.png": Buffer.from([137, 80, 0, 1, 2]),
};

/** The change that `work` makes, by path. */
async function diffOf(work: (workspace: string) => Promise<void>): Promise<Map<string, FileDiff>> {
  const bench = await makeHub(BASE);
  const repository = await openWorker(bench);
  const workspace = await makeWorkspace(bench, repository);
  await work(workspace);
  const oid = await takenOid(bench, repository, workspace);
  const files = await readDiff(repository, { baseOid: bench.baseOid, oid });
  return new Map(files.map((file) => [file.path, file]));
}

test("lines come with their numbers, whatever the repository's attributes say", async () => {
  const files = await diffOf(async (workspace) => {
    await writeFiles(workspace, {
      "a.ts": "one\n2\n2b\nthree\nfour",
      "hidden.js": "let a = 1;\r\nlet b = 2;\n",
      'new/with a "quote"\tand\nline.txt': "diff --git a/x b/x\n@@ -1 +1 @@\n",
    });
    await rm(join(workspace, "gone.txt"));
  });
  expect(files.get("a.ts")).toMatchObject({
    status: "modified",
    before: "one\ntwo\nthree\n",
    after: "one\n2\n2b\nthree\nfour",
    removed: [{ number: 2, text: "two" }],
    added: [
      { number: 2, text: "2" },
      { number: 3, text: "2b" },
      { number: 5, text: "four" },
    ],
  });
  expect(files.get("hidden.js")).toMatchObject({ isBinary: false, removed: [{ number: 1 }], added: [{ number: 1, text: "let a = 1;\r" }, { number: 2 }] });
  expect(files.get("gone.txt")).toMatchObject({
    status: "deleted",
    before: "x\ny\n",
    after: undefined,
    removed: [{ number: 1 }, { number: 2, text: "y" }],
    added: [],
  });
  expect(files.get('new/with a "quote"\tand\nline.txt')).toMatchObject({ status: "added", added: [{ text: "diff --git a/x b/x" }, { text: "@@ -1 +1 @@" }] });
  expect(files.size).toBe(4);
});

test("binary and very large files, links and modes are told as what they are", async () => {
  const large = "line of a file\n".repeat(Math.ceil(DIFF_FILE_LIMIT_BYTES / 15) + 1);
  const files = await diffOf(async (workspace) => {
    await writeFile(join(workspace, "image.png"), Buffer.from([137, 80, 0, 9]));
    await writeFile(join(workspace, "large.txt"), large);
    await chmod(join(workspace, "tool.sh"), 0o755);
    await unlink(join(workspace, "turned"));
    await symlink("a.ts", join(workspace, "turned"));
  });
  expect(files.get("image.png")).toMatchObject({ isBinary: true, isTooLarge: false, sizeBytes: 4, added: [], after: undefined });
  expect(files.get("large.txt")).toMatchObject({ isBinary: false, isTooLarge: true, sizeBytes: large.length, added: [], after: undefined });
  expect(files.get("tool.sh")).toMatchObject({ status: "modified", mode: "100755", added: [], removed: [], after: "#!/bin/sh\n" });
  expect(files.get("turned")).toMatchObject({ mode: "120000", before: "file\n", after: "a.ts", removed: [{ text: "file" }], added: [{ text: "a.ts" }] });
});

test("without a change there is nothing", async () => {
  const bench = await makeHub(BASE);
  const repository = await openWorker(bench);
  expect(await readDiff(repository, { baseOid: bench.baseOid, oid: bench.baseOid })).toEqual([]);
});
