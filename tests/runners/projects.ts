import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";

/** Real test runners on tiny projects: one set of projects for the recordings and for the heavy test. Node's own runner is that of this process. */

const NPM_PACKAGES = { "@vitest/coverage-v8": "5.1.2", jest: "30.5.2", "jest-junit": "17.0.0", mocha: "12.0.3", tape: "5.10.2", vitest: "5.1.2" };
const PYTHON_PACKAGES = { pytest: "9.2.0", "pytest-cov": "7.1.0" };

export interface RunnerProject {
  readonly name: string;
  /** What is run, as a person would name it. */
  readonly version: string;
  /** Below the folder of all projects. */
  readonly files: Readonly<Record<string, string>>;
  /** For `sh -c`, in the project's folder. */
  readonly command: string;
  /** A program that must be on PATH; there is no such package to install. */
  readonly needs?: string;
}

const SUM_JS = `exports.sum = (a, b) => a - b;
exports.deep = (value) => value.missing.field;
`;

/** The cases of all JavaScript projects: three pass, one is skipped, and three fail, each in another way. */
function cases(equal: (received: string, expected: string) => string, skip: string): string {
  return `
describe("adder", () => {
  test("adds nothing", () => { ${equal("sum(0, 0)", "0")} });
  test("subtracts nothing", () => { ${equal("sum(2, 0)", "2")} });
  test("is a function", () => { ${equal("typeof sum", '"function"')} });
  test("adds two numbers", () => {
    ${equal("sum(1, 2)", "3")}
  });
  test("keeps the order", () => {
    ${equal("{ a: [1, 2, 3], b: sum(1, 1) }", "{ a: [1, 3, 2], b: 2 }")}
  });
  test("reads deep", () => {
    deep({});
  });
  ${skip}("is for later", () => {});
});
`;
}

const EXPECT = (received: string, expected: string): string => `expect(${received}).toEqual(${expected});`;
const ASSERT = (received: string, expected: string): string => `assert.deepStrictEqual(${received}, ${expected});`;
const REQUIRE = 'const { sum, deep } = require("../sum.js");\n';

const VITEST = {
  "sum.js": "export const sum = (a, b) => a - b;\nexport const deep = (value) => value.missing.field;\n",
  "test/sum.test.js": `import { describe, expect, test } from "vitest";\nimport { deep, sum } from "../sum.js";\n${cases(EXPECT, "test.skip")}`,
  "test/broken.test.js": 'import "../not-there.js";\n',
  "package.json": '{ "type": "module" }\n',
};
const JEST = {
  "sum.js": SUM_JS,
  "test/sum.test.js": `${REQUIRE}${cases(EXPECT, "test.skip")}`,
  "test/broken.test.js": 'require("../not-there.js");\n',
  "package.json": '{ "jest": {} }\n',
};
const NODE = {
  "sum.js": SUM_JS,
  "test/sum.test.js": `const { describe, test } = require("node:test");\nconst assert = require("node:assert");\n${REQUIRE}${cases(ASSERT, "test.skip")}`,
};
const MOCHA = { "sum.js": SUM_JS, "test/sum.test.js": `const assert = require("node:assert");\nconst test = it;\n${REQUIRE}${cases(ASSERT, "it.skip")}` };
const TAPE = {
  "sum.js": SUM_JS,
  "test/sum.test.js": `const test = require("tape");\n${REQUIRE}
test("adds nothing", (t) => { t.equal(sum(0, 0), 0, "nothing"); t.end(); });
test("adds two numbers", (t) => { t.equal(sum(1, 2), 3, "one and two"); t.end(); });
test("is for later", { skip: true }, (t) => { t.end(); });
`,
};
const PYTEST = {
  "adder.py": "def add(a, b):\n    return a - b\n\n\ndef deep(value):\n    return value['missing']\n",
  "test_adder.py": `import pytest
from adder import add, deep


def test_adds_nothing():
    assert add(0, 0) == 0


class TestAdder:
    def test_subtracts_nothing(self):
        assert add(2, 0) == 2

    def test_adds_two_numbers(self):
        assert add(1, 2) == 3


def test_reads_deep():
    deep({})


@pytest.mark.parametrize("number", [1, 0])
def test_doubles(number):
    assert add(number, number) == 2 * number


@pytest.mark.skip
def test_is_for_later():
    pass


@pytest.fixture
def broken():
    raise RuntimeError("no fixture")


def test_with_fixture(broken):
    pass
`,
};
const GO = {
  "go.mod": "module example.org/adder\n\ngo 1.19\n",
  "adder.go": "package adder\n\nfunc Add(a, b int) int { return a - b }\n\nvar table map[string]int\n\nfunc Put(key string) { table[key] = 1 }\n",
  "adder_test.go": `package adder

import "testing"

func TestAddsNothing(t *testing.T) {
	if got := Add(0, 0); got != 0 {
		t.Errorf("Add(0, 0) = %d, want 0", got)
	}
}

func TestAdds(t *testing.T) {
	for name, each := range map[string][3]int{"one and two": {1, 2, 3}, "zeros": {0, 0, 0}} {
		t.Run(name, func(t *testing.T) {
			if got := Add(each[0], each[1]); got != each[2] {
				t.Errorf("Add(%d, %d) = %d, want %d", each[0], each[1], got, each[2])
			}
		})
	}
}

func TestIsForLater(t *testing.T) { t.Skip("later") }
`,
  "panics/panics_test.go": 'package panics\n\nimport (\n\t"testing"\n\n\t"example.org/adder"\n)\n\nfunc TestPuts(t *testing.T) { adder.Put("key") }\n',
  "broken/broken_test.go": 'package broken\n\nimport "testing"\n\nfunc TestBroken(t *testing.T) { undefined() }\n',
};
const CARGO = {
  "Cargo.toml": '[package]\nname = "adder"\nversion = "0.1.0"\nedition = "2021"\n',
  "src/lib.rs": `pub fn add(a: i32, b: i32) -> i32 {
    a - b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_nothing() {
        assert_eq!(add(0, 0), 0);
    }

    #[test]
    fn adds_two_numbers() {
        assert_eq!(add(1, 2), 3, "one and two");
    }

    #[test]
    fn unwraps() {
        None::<i32>.unwrap();
    }

    #[test]
    #[ignore]
    fn is_for_later() {}
}
`,
};

const node = process.version.replace("v", "");
const npm = (name: keyof typeof NPM_PACKAGES): string => `${name} ${NPM_PACKAGES[name]}`;

/** Every project, by its runner and reporter. */
export const PROJECTS: readonly RunnerProject[] = [
  { name: "node-spec", version: `node ${node}`, files: NODE, command: "node --test --test-reporter=spec" },
  { name: "node-tap", version: `node ${node}`, files: NODE, command: "node --test --test-reporter=tap" },
  { name: "node-junit", version: `node ${node}`, files: NODE, command: "node --test --test-reporter=junit" },
  { name: "vitest", version: npm("vitest"), files: VITEST, command: "vitest run" },
  { name: "vitest-verbose", version: npm("vitest"), files: VITEST, command: "FORCE_COLOR=1 vitest run --reporter=verbose" },
  { name: "vitest-junit", version: npm("vitest"), files: VITEST, command: "vitest run --reporter=junit --outputFile=r.xml >/dev/null; cat r.xml" },
  { name: "vitest-tap", version: npm("vitest"), files: VITEST, command: "vitest run --reporter=tap" },
  { name: "jest", version: npm("jest"), files: JEST, command: "jest" },
  { name: "jest-verbose", version: npm("jest"), files: JEST, command: "jest --verbose" },
  { name: "jest-junit", version: npm("jest-junit"), files: JEST, command: "jest --reporters=jest-junit; cat junit.xml" },
  { name: "mocha", version: npm("mocha"), files: MOCHA, command: "mocha" },
  { name: "tape", version: npm("tape"), files: TAPE, command: "tape 'test/*.js'" },
  { name: "pytest", version: `pytest ${PYTHON_PACKAGES.pytest}`, files: PYTEST, command: "python3 -m pytest -p no:cacheprovider" },
  { name: "pytest-quiet", version: `pytest ${PYTHON_PACKAGES.pytest}`, files: PYTEST, command: "python3 -m pytest -q -p no:cacheprovider" },
  { name: "pytest-verbose", version: `pytest ${PYTHON_PACKAGES.pytest}`, files: PYTEST, command: "python3 -m pytest -v --color=yes -p no:cacheprovider" },
  {
    name: "pytest-junit",
    version: `pytest ${PYTHON_PACKAGES.pytest}`,
    files: PYTEST,
    command: "python3 -m pytest -q -p no:cacheprovider --junitxml=r.xml >/dev/null; cat r.xml",
  },
  { name: "go", version: "go test", files: GO, command: "go test ./...", needs: "go" },
  { name: "go-verbose", version: "go test", files: GO, command: "go test -v ./...", needs: "go" },
  { name: "go-json", version: "go test", files: GO, command: "go test -json ./...", needs: "go" },
  { name: "cargo", version: "cargo test", files: CARGO, command: "cargo test --offline", needs: "cargo" },
];

/** Whether a program is on PATH. */
export function hasProgram(name: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Installs the runners that are packages into a folder, in their pinned releases. */
export async function installRunners(folder: string): Promise<void> {
  const run = promisify(execFile);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, dependencies: NPM_PACKAGES }));
  const python = Object.entries(PYTHON_PACKAGES).map(([name, version]) => `${name}==${version}`);
  await Promise.all([
    run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: folder }),
    run("python3", ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", join(folder, "python"), ...python]),
  ]);
}

/** What a runner prints on its project, in a folder where `installRunners` was; both streams together, as a gate has them. */
export async function runProject(folder: string, project: RunnerProject): Promise<{ output: Buffer; root: string }> {
  const root = join(folder, "projects", project.name);
  for (const [path, text] of Object.entries(project.files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, VITEST: ___, ...inherited } = process.env;
  const env = {
    ...inherited,
    PATH: [join(folder, "node_modules/.bin"), process.env["PATH"]].join(delimiter),
    PYTHONPATH: join(folder, "python"),
    CI: "1",
    TERM: "dumb",
    LANG: "C.UTF-8",
  };
  // It fails, as its tests do; what it printed is the answer.
  execFile("sh", ["-c", `${project.command} 2>&1`], { cwd: root, env, encoding: "buffer", maxBuffer: 16 * 1_048_576 }, (_error, stdout) => resolve(stdout));
  return { output: await promise, root };
}
