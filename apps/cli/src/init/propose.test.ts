import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { lineDiff } from "./line-diff.ts";
import { readProject } from "./project.ts";
import { type Proposal, propose } from "./propose.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-init-"));
});
afterAll(async () => await rm(folder, { recursive: true, force: true }));

async function proposalFor(files: Record<string, string>, isIgnored = (_folder: string): boolean => false): Promise<Proposal> {
  const root = await mkdtemp(join(folder, "repo-"));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), text);
  }
  return propose(await readProject(root), isIgnored);
}

const SCRIPTS = JSON.stringify({ scripts: { build: "tsc", test: "vitest", lint: "eslint ." }, devDependencies: { vitest: "1" } });
const NODE_GATES = (manager: string): string[] => [`lint: ${manager} run lint`, `test: ${manager} test`, `build: ${manager} run build`];

test.each<[name: string, files: Record<string, string>, setup: string[], gates: string[]]>([
  ["npm", { "package.json": SCRIPTS, "package-lock.json": "{}" }, ["npm ci"], NODE_GATES("npm")],
  ["npm without a lockfile", { "package.json": SCRIPTS }, ["npm install"], NODE_GATES("npm")],
  ["npm with nothing to install", { "package.json": '{"scripts": {"test": "node --test"}}' }, [], ["test: npm test"]],
  ["pnpm", { "package.json": SCRIPTS, "pnpm-lock.yaml": "" }, ["pnpm install --frozen-lockfile"], NODE_GATES("pnpm")],
  ["pnpm by its field", { "package.json": SCRIPTS.replace("{", '{"packageManager": "pnpm@9.0.0",') }, ["pnpm install"], NODE_GATES("pnpm")],
  ["yarn 1", { "package.json": SCRIPTS, "yarn.lock": "" }, ["yarn install --frozen-lockfile"], NODE_GATES("yarn")],
  ["yarn 2 and later", { "package.json": SCRIPTS, "yarn.lock": "", ".yarnrc.yml": "" }, ["yarn install --immutable"], NODE_GATES("yarn")],
  ["what npm init writes", { "package.json": '{"scripts": {"test": "echo \\"Error: no test specified\\" && exit 1"}}' }, [], []],
  [
    "uv",
    { "pyproject.toml": '[project]\nname = "x"\n[dependency-groups]\ndev = ["pytest>=8", "ruff"]\n', "uv.lock": "" },
    ["uv sync --locked --all-extras"],
    ["lint: uv run ruff check .", "test: uv run pytest"],
  ],
  [
    "pip",
    { "requirements.txt": "flask\n# ruff is not used\n", "requirements-dev.txt": "pytest==8.0\n" },
    ["python3 -m venv .venv", ".venv/bin/pip install -r requirements.txt", ".venv/bin/pip install -r requirements-dev.txt", ".venv/bin/pip install pytest"],
    ["test: .venv/bin/pytest"],
  ],
  ["a package of pip", { "setup.py": "", "pyproject.toml": "" }, ["python3 -m venv .venv", ".venv/bin/pip install -e ."], []],
  ["go", { "go.mod": "module x\n" }, ["go mod download"], ["test: go test ./...", "build: go build ./..."]],
  ["go with a linter", { "go.mod": "", ".golangci.yml": "" }, ["go mod download"], ["lint: golangci-lint run", "test: go test ./...", "build: go build ./..."]],
  ["cargo", { "Cargo.toml": '[package]\nname = "x"\n', "Cargo.lock": "" }, ["cargo fetch --locked"], ["test: cargo test", "build: cargo build"]],
  ["make", { Makefile: "VERSION := 1\nbuild := x\n\ntest: all\n\tgo\nlint:\n\tx\n" }, [], ["lint: make lint", "test: make test"]],
  ["make beside npm", { "package.json": SCRIPTS, "package-lock.json": "{}", Makefile: "test:\n\tnpm test\n" }, ["npm ci"], NODE_GATES("npm")],
  [
    "two kinds of project",
    { "package.json": '{"scripts": {"test": "x"}}', "go.mod": "" },
    ["go mod download"],
    ["test-node: npm test", "test-go: go test ./...", "build: go build ./..."],
  ],
  ["nothing known", { "README.md": "" }, [], []],
])("%s", async (_, files, setup, gates) => {
  const { config, text } = await proposalFor(files);
  expect(config.setup.commands).toEqual(setup);
  expect(config.gates.map(({ name, run }) => `${name}: ${run}`)).toEqual(gates);
  // Why stands above each line.
  const lines = text.split("\n");
  for (const [index, line] of lines.entries()) if (/^ +- /.test(line)) expect(lines[index - 1]).toMatch(/^ +# \S/);
});

const NPM = { "package.json": SCRIPTS, "package-lock.json": "{}" };
const YARN = { "package.json": SCRIPTS, "yarn.lock": "" };
const PYPI = ["pypi.org", "files.pythonhosted.org"];
const CRATES = ["index.crates.io", "static.crates.io"];

test.each<[name: string, files: Record<string, string>, hosts: string[] | undefined]>([
  ["npm", NPM, ["registry.npmjs.org"]],
  ["npm with nothing to install", { "package.json": '{"scripts": {"test": "x"}}' }, undefined],
  ["npm with a registry of its own", { ...NPM, ".npmrc": "registry = https://npm.corp.example:8443/npm/\n" }, ["npm.corp.example:8443"]],
  [
    "npm with one for a scope",
    { ...NPM, ".npmrc": `@corp:registry=https://npm.corp.example/\n//npm.corp.example/:_authToken=\${T}\n` },
    ["registry.npmjs.org", "npm.corp.example"],
  ],
  ["npm with an address that a variable completes", { ...NPM, ".npmrc": `@corp:registry=\${REGISTRY}\n` }, ["registry.npmjs.org"]],
  ["yarn", YARN, ["registry.yarnpkg.com", "registry.npmjs.org"]],
  ["yarn 1 with a registry of its own", { ...YARN, ".yarnrc": 'registry "https://npm.corp.example/"\n' }, ["npm.corp.example"]],
  ["yarn 2 with a registry of its own", { ...YARN, ".yarnrc.yml": 'npmRegistryServer: "https://npm.corp.example"\n' }, ["npm.corp.example"]],
  [
    "yarn 2 with one for a scope",
    { ...YARN, ".yarnrc.yml": "npmScopes:\n  corp:\n    npmRegistryServer: https://npm.corp.example\n" },
    ["registry.yarnpkg.com", "registry.npmjs.org", "npm.corp.example"],
  ],
  ["pip", { "requirements.txt": "flask\n" }, PYPI],
  ["pip with an index of its own", { "requirements.txt": "--index-url https://pip.corp.example/simple\nflask\n" }, ["pip.corp.example"]],
  ["pip with a further one", { "requirements.txt": "--extra-index-url=https://pip.corp.example/simple\n" }, [...PYPI, "pip.corp.example"]],
  ["uv", { "pyproject.toml": "[tool.uv]\n", "uv.lock": "" }, PYPI],
  [
    "uv with indexes",
    {
      "pyproject.toml": '[[tool.uv.index]]\nname = "corp"\nurl = "https://pip.corp.example/simple"\n\n[tool.uv]\nextra-index-url = ["https://more.example"]\n',
    },
    [...PYPI, "more.example", "pip.corp.example"],
  ],
  [
    "uv with an index of its own",
    { "pyproject.toml": "[tool.uv]\n", "uv.toml": '[[index]]\nurl = "https://pip.corp.example/simple"\ndefault = true\n' },
    ["pip.corp.example"],
  ],
  ["go", { "go.mod": "module x\n" }, ["proxy.golang.org", "sum.golang.org"]],
  ["cargo", { "Cargo.toml": "", ".cargo/other": "" }, CRATES],
  [
    "cargo with a mirror",
    {
      "Cargo.toml": "",
      ".cargo/config.toml": '[source.crates-io]\nreplace-with = "corp"\n[source.corp]\nregistry = "sparse+https://crates.corp.example/index/"\n',
    },
    ["crates.corp.example"],
  ],
  [
    "cargo with a further registry",
    { "Cargo.toml": "", ".cargo/config.toml": '[registries.corp]\nindex = "sparse+https://crates.corp.example/index/"\n' },
    [...CRATES, "crates.corp.example"],
  ],
  ["make", { Makefile: "test:\n\tx\n" }, undefined],
  ["two kinds of project", { ...NPM, "go.mod": "" }, ["registry.npmjs.org", "proxy.golang.org", "sum.golang.org"]],
])("hosts of the setup: %s", async (_, files, hosts) => {
  expect((await proposalFor(files)).config.egress.setup).toEqual(hosts);
});

const LOCKED = (manifest: object): Record<string, string> => ({
  "package.json": JSON.stringify({ devDependencies: { x: "1" }, ...manifest }),
  "package-lock.json": "{}",
});

test.each<[name: string, files: Record<string, string>, inputs: string[] | undefined, outputs: string[]]>([
  ["npm", { ...LOCKED({}), ".npmrc": "" }, ["package.json", "package-lock.json", ".npmrc"], ["node_modules"]],
  ["npm with a script that an install runs", LOCKED({ scripts: { prepare: "node build.js" } }), undefined, ["node_modules"]],
  ["npm with a package from a folder", LOCKED({ dependencies: { y: "file:./y" } }), undefined, ["node_modules"]],
  ["npm without a lockfile", { "package.json": SCRIPTS }, undefined, []],
  ["a monorepo", LOCKED({ workspaces: ["packages/*"] }), undefined, []],
  ["yarn 1", YARN, ["package.json", "yarn.lock"], ["node_modules"]],
  ["yarn 2", { ...YARN, ".yarnrc.yml": "" }, undefined, []],
  ["pip", { "requirements.txt": "flask\n" }, ["requirements.txt"], [".venv"]],
  ["pip with a list in a list", { "requirements.txt": "-r more.txt\n" }, undefined, [".venv"]],
  ["uv, which may bring a Python of its own", { "pyproject.toml": "[tool.uv]\n", "uv.lock": "" }, undefined, []],
  ["go, whose modules are in the home", { "go.mod": "" }, undefined, []],
  ["npm and pip", { ...LOCKED({}), "requirements.txt": "" }, ["package.json", "package-lock.json", "requirements.txt"], ["node_modules", ".venv"]],
  ["npm and go", { ...LOCKED({}), "go.mod": "" }, undefined, []],
])("what is kept of the setup: %s", async (_, files, inputs, outputs) => {
  const { setup } = (await proposalFor(files, () => true)).config;
  expect([setup.inputs, setup.outputs]).toEqual([inputs, outputs]);
  // A folder that git does not ignore would become part of each change.
  expect((await proposalFor(files)).config.setup.outputs).toEqual([]);
});

test("a registry that is named with http:// is told of: nothing would be let through", async () => {
  const { notes } = await proposalFor({ ...NPM, ".npmrc": "registry=http://npm.corp.example:4873/\n" });
  expect(notes).toEqual(["npm.corp.example:4873 is named with http://, which no egress list lets through: name it with https://."]);
});

test.each<[string, Record<string, string>]>([
  ["workspaces of npm", { "package.json": '{"workspaces": ["packages/*"]}' }],
  ["workspaces of pnpm", { "package.json": "{}", "pnpm-workspace.yaml": "" }],
  ["a workspace of cargo", { "Cargo.toml": '[workspace]\nmembers = ["a"]\n' }],
  ["a workspace of go", { "go.work": "" }],
])("%s: says that only the root was looked at", async (_, files) => {
  expect((await proposalFor(files)).notes.join()).toContain("only");
});

test("a package.json that is no JSON is named", async () => {
  await expect(proposalFor({ "package.json": "{," })).rejects.toMatchObject({ code: "INVALID_CONFIG", message: "package.json is no JSON." });
});

test("a diff keeps what stays and shows what goes and comes", () => {
  expect(lineDiff("a\nb\nc\n", "a\nx\nc\nd\n")).toEqual(["  a", "- b", "+ x", "  c", "+ d"]);
  expect(lineDiff("same\n", "same\n")).toEqual(["  same"]);
});
