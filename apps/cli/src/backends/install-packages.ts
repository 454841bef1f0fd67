import { mkdir, symlink, writeFile } from "node:fs/promises";
import { basename, delimiter, dirname, join } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";

/** A slow line to a registry, and packages of some hundred megabytes; in ms. */
const LIMIT_MS = 15 * 60_000;
/** Of what the installer said. */
const LINES_TOLD = 20;
/** Of what was wanted: an agent in Python may be a hundred packages. */
const PACKAGES_TOLD = 5;
/** The newest first. */
const PYTHONS = ["python3.14", "python3.13", "python3.12", "python3"];

/** Installs packages of npm below `prefix`, as a global installation is laid out, without running a script of theirs. AGENT_INSTALL_FAILED. */
export async function installFromNpm(packages: readonly string[], prefix: string): Promise<void> {
  const args = ["install", "--global", "--prefix", prefix, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", ...packages];
  // By Slipway's own Node: npm passes over releases that want a newer one than its own.
  await run("npm", args, packages, { PATH: [dirname(process.execPath), process.env["PATH"]].join(delimiter) });
}

/**
 * Installs packages of PyPI into a virtual environment below `prefix`, whose Python is `bin/<name>-python` there, by `python` or the newest Python of this machine.
 * AGENT_INSTALL_FAILED, which says so where that is too old for them.
 */
export async function installFromPypi(name: string, packages: readonly string[], prefix: string, python?: string): Promise<void> {
  const chosen = python ?? (await newestPython());
  await run(chosen, ["-m", "venv", join(prefix, "venv")], packages);
  const list = join(prefix, "requirements.txt");
  await writeFile(list, packages.join("\n"));
  const pip = ["-m", "pip", "install", "--quiet", "--no-input", "--no-deps", "--disable-pip-version-check", "-r", list];
  await run(join(prefix, "venv/bin/python"), pip, packages).catch(async (error: unknown) => {
    throw (await tooOld(chosen, packages, error)) ?? error;
  });
  await mkdir(join(prefix, "bin"), { mode: 0o700 });
  await symlink("../venv/bin/python", join(prefix, "bin", `${name}-python`));
}

/** The failure in plain words, where pip passed a release over because it wants a newer Python. */
async function tooOld(python: string, packages: readonly string[], error: unknown): Promise<SlipwayError | undefined> {
  const lines = error instanceof SlipwayError ? ((error.details["lines"] ?? []) as string[]) : [];
  const passedOver = lines.find((line) => line.includes("require a different python version:"));
  const wanted = passedOver && packages.find((one) => lines.some((line) => line.endsWith(`No matching distribution found for ${one}`)));
  const [release, version] = wanted?.split("==") ?? [];
  const needs = passedOver?.split(/[;:]/).find((one) => one.trim().startsWith(`${version} Requires-Python `));
  if (!needs) return undefined;
  const range = needs.trim().slice(`${version} Requires-Python `.length);
  const { execa } = await import("execa");
  const found = (await execa(python, ["--version"], { all: true, reject: false, timeout: 10_000 })).all.trim();
  return new SlipwayError("AGENT_INSTALL_FAILED", `${release} ${version} needs Python ${range}, and ${python} here is ${found || "of an unknown version"}.`, {
    packages: [wanted],
    hint: "Install such a Python and name it with --python PROGRAM, or run the agent in containers, whose image brings its own: `slipway images build`.",
  });
}

async function newestPython(): Promise<string> {
  const { execa } = await import("execa");
  for (const python of PYTHONS) if (!(await execa(python, ["--version"], { reject: false, timeout: 10_000 })).failed) return python;
  return "python3";
}

async function run(program: string, args: readonly string[], packages: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<void> {
  const { execa } = await import("execa");
  const { failed, all, exitCode, shortMessage = "" } = await execa(program, args, { all: true, reject: false, timeout: LIMIT_MS, stdin: "ignore", env });
  if (!failed) return;
  const lines = (all || shortMessage).trim().split("\n").slice(-LINES_TOLD);
  const how = exitCode === undefined ? `${basename(program)} could not be started or was ended` : `${basename(program)} ended with ${exitCode}`;
  const [first, ...others] = packages;
  const what = others.length === 0 ? first : `${first} and ${others.length} more`;
  throw new SlipwayError("AGENT_INSTALL_FAILED", `${what} cannot be installed: ${how}: ${lines.at(-1) ?? ""}`, {
    packages: packages.slice(0, PACKAGES_TOLD),
    lines,
  });
}
