/**
 * Writes the software list of the image that it runs in, /opt/slipway/software.json: Node, and the packages of Debian, of npm and of PyPI with their versions. An image
 * of your own that stands on one of Slipway's may run it again: `RUN node /opt/slipway/docker/software.ts`.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = "/opt/slipway";
/** Where npm has packages: the runner's, and those that everybody finds on PATH. */
const NPM_FOLDERS = [join(ROOT, "node_modules"), "/usr/local/lib/node_modules"];

interface NpmPackage {
  readonly name: string;
  readonly version: string;
  readonly folder: string;
}

/** Slipway's own packages are links there, and no packages of anybody else. */
function npmPackages(folder: string): NpmPackage[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (!entry.isDirectory() || entry.name.startsWith(".")) return [];
    if (entry.name.startsWith("@")) return npmPackages(path);
    const file = join(path, "package.json");
    if (!existsSync(file)) return [];
    const { name, version } = JSON.parse(readFileSync(file, "utf8")) as { name: string; version: string };
    return [{ name, version, folder: path }, ...npmPackages(join(path, "node_modules"))];
  });
}

/** Where each backend that is in Python has its virtual environment. */
const PYTHON_FOLDER = "/usr/local/lib/agents";

/** As pip left them: a folder `<name>-<version>.dist-info` for each. */
function pythonPackages(): Array<{ name: string; version: string }> {
  if (!existsSync(PYTHON_FOLDER)) return [];
  const names = readdirSync(PYTHON_FOLDER).flatMap((backend) =>
    readdirSync(join(PYTHON_FOLDER, backend, "lib")).flatMap((python) => readdirSync(join(PYTHON_FOLDER, backend, "lib", python, "site-packages"))),
  );
  const found = names.flatMap((name) => {
    const [, distribution, version] = /^(.+)-([^-]+)\.dist-info$/.exec(name) ?? [];
    return distribution !== undefined && version !== undefined ? [{ name: distribution.replaceAll("_", "-"), version }] : [];
  });
  // Two backends may have the same.
  return [...new Map(found.map((one) => [`${one.name}@${one.version}`, one])).values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function debianPackages(): Array<{ name: string; version: string }> {
  const lines = execFileSync("dpkg-query", ["--show"], { encoding: "utf8" }).trim().split("\n");
  return lines.map((line) => {
    const [name = "", version = ""] = line.split("\t");
    // Some come with their architecture behind a colon.
    return { name: name.replace(/:.*/, ""), version };
  });
}

const list = { node: process.version, debian: debianPackages(), npm: NPM_FOLDERS.flatMap(npmPackages), python: pythonPackages() };
writeFileSync(join(ROOT, "software.json"), `${JSON.stringify(list, null, 1)}\n`);
