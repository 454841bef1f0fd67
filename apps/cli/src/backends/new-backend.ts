import { cp, mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";
import { CONTRACT_VERSION } from "@slipway/protocol/manifest";
import { INSTALL_ROOT } from "../images/known-images.ts";

const TEMPLATE = join(INSTALL_ROOT, "backends/sdk/template");
/** The name that the template's backend has. */
const PLACEHOLDER = /\bexample\b/g;
const PACK_LIMIT_MS = 300_000;

/** A backend's package that was written. */
export interface NewBackend {
  readonly name: string;
  readonly folder: string;
  readonly files: readonly string[];
}

/**
 * Writes the template of a backend into a folder that is empty or not there yet, with Slipway's own packages beside, so that `npm install && npm test` is all that is
 * left to do. INVALID_REQUEST for a folder with something in it; INTERNAL where this installation cannot make the packages.
 */
export async function newBackend(name: string, folder: string): Promise<NewBackend> {
  const there = await readdir(folder).catch(() => []);
  if (there.length > 0) {
    const hint = "Name one that is empty, or not there yet, with --folder.";
    throw new SlipwayError("INVALID_REQUEST", `The folder ${folder} has something in it already: ${there.slice(0, 3).join(", ")}.`, { field: "folder", hint });
  }
  await mkdir(folder, { recursive: true });
  const tarballs = await packSdk(join(folder, "vendor"));
  await cp(TEMPLATE, folder, { recursive: true });
  // npm leaves out a file of that name in a package, so the template has it under another.
  await rename(join(folder, "gitignore"), join(folder, ".gitignore"));
  for (const file of ["README.md", "src/backend.ts", "src/turn.ts"]) {
    const path = join(folder, file);
    await writeFile(path, (await readFile(path, "utf8")).replaceAll(PLACEHOLDER, name));
  }
  await writeFile(join(folder, "package.json"), `${JSON.stringify(await packageJson(name, folder, tarballs), null, 2)}\n`);
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  return { name, folder, files: files.flatMap((file) => (file.isFile() ? relative(folder, join(file.parentPath, file.name)) : [])).sort() };
}

/** Slipway's packages, by their names. */
async function packSdk(target: string): Promise<Record<string, string>> {
  const { execa } = await import("execa");
  const script = join(INSTALL_ROOT, "scripts/pack-sdk.ts");
  const { failed, stdout, stderr } = await execa(process.execPath, ["--disable-warning=ExperimentalWarning", script, target], {
    reject: false,
    stdin: "ignore",
    timeout: PACK_LIMIT_MS,
  });
  if (failed) {
    const hint = "The SDK is packed from a checkout of Slipway with all that `npm ci` installs: run the command from one.";
    throw new SlipwayError("INTERNAL", `Slipway's packages could not be made: ${stderr.trim().slice(-500)}`, { script, hint });
  }
  const names = ["@slipway/protocol", "@slipway/backend-sdk", "@slipway/model-server"];
  return Object.fromEntries(
    stdout
      .trim()
      .split("\n")
      .map((path, index) => [names[index] ?? path, path]),
  );
}

/** Versions are those that Slipway itself is made with. */
async function packageJson(name: string, folder: string, tarballs: Record<string, string>): Promise<unknown> {
  const { devDependencies } = JSON.parse(await readFile(join(INSTALL_ROOT, "package.json"), "utf8")) as { devDependencies: Record<string, string> };
  const vendored = (packageName: string): string => `file:${relative(folder, tarballs[packageName] ?? "")}`;
  return {
    name: `slipway-backend-${name}`,
    version: "0.1.0",
    description: `The backend ${name} for Slipway.`,
    type: "module",
    engines: { node: ">=22" },
    slipway: { contract: CONTRACT_VERSION, backends: { [name]: "./dist/src/backend.js" } },
    files: ["agent", "dist/src"],
    scripts: { build: "tsc", test: 'npm run build && node --test "dist/test/*.js"' },
    dependencies: {
      "@slipway/backend-sdk": vendored("@slipway/backend-sdk"),
      "@slipway/protocol": vendored("@slipway/protocol"),
      zod: devDependencies["zod"],
    },
    devDependencies: {
      "@slipway/model-server": vendored("@slipway/model-server"),
      "@types/node": devDependencies["@types/node"],
      typescript: devDependencies["typescript"],
    },
  };
}
