import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";

const docs = join(import.meta.dirname, "../../docs");

test("the index leads to every page; those of decisions are led to by their own", async () => {
  const read = (page: string): Promise<string> => readFile(join(docs, page), "utf8");
  const [index, decisions] = await Promise.all([read("README.md"), read("decisions/README.md")]);
  const missing: string[] = [];
  for await (const page of glob("**/*.md", { cwd: docs })) {
    const [, decision] = /^decisions\/(\d.*)$/.exec(page) ?? [];
    const isLed = decision === undefined ? page === "README.md" || index.includes(`](${page})`) : decisions.includes(`](${decision})`);
    if (!isLed) missing.push(page);
  }
  expect(missing).toEqual([]);
});
