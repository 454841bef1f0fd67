import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/**
 * `node scripts/pack-sdk.ts [FOLDER]`: what somebody needs to write a backend outside of this repository, as packages with JavaScript and types, because
 * Node does not run TypeScript under node_modules. Writes `slipway-protocol-VERSION.tgz` and `slipway-backend-sdk-VERSION.tgz` and prints their paths.
 */

const ROOT = resolve(import.meta.dirname, "..");
const PACKAGES = ["packages/protocol", "backends/sdk"];

interface PackageJson {
  readonly name: string;
  readonly version: string;
  readonly [field: string]: unknown;
}

const target = resolve(process.argv[2] ?? ".");
const work = mkdtempSync(join(tmpdir(), "slipway-pack-"));
try {
  compile(join(work, "out"));
  mkdirSync(target, { recursive: true });
  for (const folder of PACKAGES) console.log(pack(folder));
} finally {
  rmSync(work, { recursive: true });
}

function compile(outDir: string): void {
  const config = {
    extends: join(ROOT, "tsconfig.json"),
    compilerOptions: { noEmit: false, rewriteRelativeImportExtensions: true, declaration: true, rootDir: ROOT, outDir },
    include: PACKAGES.map((folder) => join(ROOT, folder, "src/**/*.ts")),
    exclude: PACKAGES.map((folder) => join(ROOT, folder, "src/**/*.test.ts")),
  };
  // Beside the packages, so that the types of Node are found.
  const file = join(ROOT, "node_modules", ".slipway-pack.json");
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

function pack(folder: string): string {
  const staged = join(work, folder);
  mkdirSync(staged, { recursive: true });
  cpSync(join(work, "out", folder, "src"), join(staged, "dist"), { recursive: true });
  for (const name of namesIn(join(staged, "dist"))) if (name.endsWith(".d.ts")) nameScripts(join(staged, "dist", name));
  // What the compiler has no part in: the drivers' side of agents in Python.
  const sources = join(ROOT, folder, "src");
  for (const name of namesIn(sources)) if (name.endsWith(".py")) cpSync(join(sources, name), join(staged, "dist", name));
  cpSync(join(ROOT, "LICENSE"), join(staged, "LICENSE"));
  const { private: _, ...own } = JSON.parse(readFileSync(join(ROOT, folder, "package.json"), "utf8")) as PackageJson;
  const exports = { "./*": { types: "./dist/*.d.ts", default: "./dist/*.js" } };
  writeFileSync(join(staged, "package.json"), JSON.stringify({ ...own, exports, files: ["dist"] }, null, 2));
  const [{ filename }] = JSON.parse(
    execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", target], { cwd: staged, encoding: "utf8", stdio: ["ignore", "pipe", 2] }),
  ) as [{ filename: string }];
  return join(target, filename);
}
