import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/**
 * `node scripts/pack-sdk.ts [FOLDER]`: what somebody needs to write a backend outside of this repository, as packages with JavaScript and types, because
 * Node does not run TypeScript under node_modules. Writes `slipway-protocol-VERSION.tgz`, `slipway-backend-sdk-VERSION.tgz` and
 * `slipway-model-server-VERSION.tgz`, a scripted model for tests, and prints their paths.
 */

const ROOT = resolve(import.meta.dirname, "..");

interface PackageJson {
  readonly name: string;
  readonly version: string;
  readonly [field: string]: unknown;
}

interface Source {
  readonly folder: string;
  /** Below the folder: where the sources are. */
  readonly sources: string;
  readonly described: PackageJson;
}

const PACKAGES: readonly Source[] = [
  { folder: "packages/protocol", sources: "src", described: readPackage("packages/protocol") },
  { folder: "backends/sdk", sources: "src", described: readPackage("backends/sdk") },
  { folder: "tests/support/model-server", sources: "", described: modelServerPackage() },
];

const target = resolve(process.argv[2] ?? ".");
const work = mkdtempSync(join(tmpdir(), "slipway-pack-"));
try {
  compile(join(work, "out"));
  mkdirSync(target, { recursive: true });
  for (const source of PACKAGES) console.log(pack(source));
} finally {
  rmSync(work, { recursive: true });
}

function readPackage(folder: string): PackageJson {
  const { private: _, ...own } = JSON.parse(readFileSync(join(ROOT, folder, "package.json"), "utf8")) as PackageJson;
  return own as PackageJson;
}

/** In this repository it is a part of the tests. */
function modelServerPackage(): PackageJson {
  const { version, license, devDependencies } = readPackage(".");
  const { yaml, zod } = devDependencies as Record<string, string>;
  return {
    ...{ name: "@slipway/model-server", version, license, type: "module" },
    description: "A model server that does what a scenario says, for tests of agents and backends.",
    bin: { "slipway-model-server": "./dist/main.js" },
    dependencies: { yaml, zod },
  };
}

function compile(outDir: string): void {
  const config = {
    extends: join(ROOT, "tsconfig.json"),
    compilerOptions: { noEmit: false, rewriteRelativeImportExtensions: true, declaration: true, rootDir: ROOT, outDir },
    include: PACKAGES.map(({ folder, sources }) => join(ROOT, folder, sources, "**/*.ts")),
    exclude: PACKAGES.map(({ folder, sources }) => join(ROOT, folder, sources, "**/*.test.ts")),
  };
  // Beside the packages, so that the types of Node are found; of this process's own, as another may pack at the same time.
  const file = join(ROOT, "node_modules", `.slipway-pack-${process.pid}.json`);
  writeFileSync(file, JSON.stringify(config));
  try {
    execFileSync(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", file], { stdio: ["ignore", 2, 2] });
  } finally {
    rmSync(file);
  }
}

/** The compiler names the JavaScript in what it compiles, but not in the types beside. */
function nameScripts(file: string): void {
  writeFileSync(file, readFileSync(file, "utf8").replace(/((?:from |import\()"\.{1,2}\/[^"]+)\.ts"/g, '$1.js"'));
}

function namesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" });
}

function pack({ folder, sources, described }: Source): string {
  const staged = join(work, folder);
  mkdirSync(staged, { recursive: true });
  cpSync(join(work, "out", folder, sources), join(staged, "dist"), { recursive: true });
  for (const name of namesIn(join(staged, "dist"))) if (name.endsWith(".d.ts")) nameScripts(join(staged, "dist", name));
  // What the compiler has no part in: the drivers' side of agents in Python.
  const from = join(ROOT, folder, sources);
  for (const name of namesIn(from)) if (name.endsWith(".py")) cpSync(join(from, name), join(staged, "dist", name));
  cpSync(join(ROOT, "LICENSE"), join(staged, "LICENSE"));
  const exports = { "./*": { types: "./dist/*.d.ts", default: "./dist/*.js" } };
  writeFileSync(join(staged, "package.json"), JSON.stringify({ ...described, exports, files: ["dist"] }, null, 2));
  const [{ filename }] = JSON.parse(
    execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", target], { cwd: staged, encoding: "utf8", stdio: ["ignore", "pipe", 2] }),
  ) as [{ filename: string }];
  return join(target, filename);
}
