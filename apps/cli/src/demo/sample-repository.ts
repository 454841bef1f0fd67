import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { runGit } from "@slipway/git/exec";

const FILES: Readonly<Record<string, string>> = {
  "README.md": "# calc\n\nA small library for Slipway's demo. `node --test` runs its tests.\n",
  "package.json": `${JSON.stringify({ name: "calc", version: "1.0.0", private: true, type: "module", exports: "./src/index.js", scripts: { test: "node --test" } }, null, 2)}\n`,
  ".github/workflows/ci.yml": "on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n      - run: npm test\n",
  ".slipway.yaml": [
    "# What Slipway holds every change to. Read at the base commit, so no agent can soften it for itself.",
    "version: 1",
    "backend: script",
    "gates:",
    "  - name: test",
    "    run: node --test",
    "scope:",
    "  deny:",
    '    - ".github/**"',
    '    - "package.json"',
    "",
  ].join("\n"),
  "src/index.js": 'export { add } from "./add.js";\n',
  "src/add.js": "export function add(a, b) {\n  return a + b;\n}\n",
  "test/add.test.js":
    'import assert from "node:assert/strict";\nimport { test } from "node:test";\nimport { add } from "../src/add.js";\n\ntest("add", () => {\n  assert.equal(add(2, 3), 5);\n});\n',
};

/** Makes a small JavaScript library with tests, as a git repository with one commit on `main`. */
export async function makeSampleRepository(root: string): Promise<void> {
  for (const [path, content] of Object.entries(FILES)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
  await runGit(["init", "--quiet", "--initial-branch=main"], { cwd: root });
  await runGit(["add", "--all"], { cwd: root });
  await runGit(["commit", "--quiet", "--message", "calc: add"], { cwd: root });
}
