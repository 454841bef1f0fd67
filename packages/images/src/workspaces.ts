import { glob, readFile } from "node:fs/promises";
import { join, relative } from "node:path";

/** A file of the checkout, by its path from the root. */
export interface SourceFile {
  readonly path: string;
  readonly content: Buffer;
}

/** The workspace whose closure is what runs inside of a sandbox. */
export const RUNNER_WORKSPACE = "apps/runner";

const FOLDERS = ["packages/*", "backends/*", "apps/*"];

/**
 * The folders of workspaces that these folders need, themselves included, sorted: what their package.json names as dependencies, and so on. So an image holds the
 * runner and what it imports, and no daemon.
 */
export async function workspaceClosure(installRoot: string, from: readonly string[]): Promise<string[]> {
  const folders = await allWorkspaces(installRoot);
  const found = new Set<string>();
  const open = [...from];
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    if (found.has(folder)) continue;
    found.add(folder);
    const { dependencies = {} } = await readPackage(installRoot, folder);
    for (const name of Object.keys(dependencies)) {
      const needed = folders.get(name);
      if (needed !== undefined) open.push(needed);
    }
  }
  return [...found].sort();
}

/** The folders of all workspaces, by the names of their packages. */
export async function allWorkspaces(installRoot: string): Promise<ReadonlyMap<string, string>> {
  const folders = new Map<string, string>();
  for (const pattern of FOLDERS) {
    for await (const file of glob(`${pattern}/package.json`, { cwd: installRoot })) {
      const folder = file.slice(0, -"/package.json".length);
      folders.set((await readPackage(installRoot, folder)).name, folder);
    }
  }
  return folders;
}

/** These workspaces as `runnerDigest` sees them: all in `src` but tests, and their package.json. Sorted by path. */
export async function sourceFiles(installRoot: string, folders: readonly string[]): Promise<SourceFile[]> {
  const paths: string[] = [];
  for (const folder of folders) {
    paths.push(`${folder}/package.json`);
    for await (const entry of glob(`${folder}/src/**`, { cwd: installRoot, withFileTypes: true })) {
      if (entry.isFile() && !entry.name.includes(".test.")) paths.push(relative(installRoot, join(entry.parentPath, entry.name)));
    }
  }
  return await readFiles(installRoot, paths.sort());
}

/** The dashboard as it is built in this checkout; none where it is not, and the image's server says so to the browser. */
export async function dashboardFiles(installRoot: string): Promise<SourceFile[]> {
  const paths: string[] = [];
  for await (const entry of glob("apps/web/dist/**", { cwd: installRoot, withFileTypes: true })) {
    if (entry.isFile()) paths.push(relative(installRoot, join(entry.parentPath, entry.name)));
  }
  return await readFiles(installRoot, paths.sort());
}

/** Files by their paths from the root. */
export async function readFiles(installRoot: string, paths: readonly string[]): Promise<SourceFile[]> {
  return await Promise.all(paths.map(async (path) => ({ path, content: await readFile(join(installRoot, path)) })));
}

interface Package {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

async function readPackage(installRoot: string, folder: string): Promise<Package> {
  return JSON.parse(await readFile(join(installRoot, folder, "package.json"), "utf8")) as Package;
}
